#!/bin/sh
# Last step of both ways to the image, run inside it as root: takes out what a job must not have
# or does not need, and what differs from one build to the next, compiles what a job imports, and
# proves that it imports.
set -eu

# No program that gives its caller more rights.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc/* \
    /usr/share/man/* /usr/share/info/* /usr/share/locale/* /root/.cache
site=$(python3 -c 'import pandas, pathlib; print(pathlib.Path(pandas.__file__).parents[1])')
# numpy's tests stay: numpy.testing imports from them.
rm -rf "$site/pandas/tests" "$site/pyarrow/tests" "$site/pyarrow/include"
find "$site/sklearn" "$site/scipy" -type d -name tests -prune -exec rm -rf {} +

# What tells when, where and by which installer the image was made: the same recipe gives the same
# layer. Scripts of libraries begin with the path of the installer's Python.
rm -rf "$site/bin" /etc/apt/sources.list /etc/apt/sources.list.d /var/cache/ldconfig \
    /var/lib/apt/extended_states /var/backups/*
find "$site" -path '*.dist-info/*' \
    \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
sed -i -E 's/^([^:]*:[^:]*):[0-9]*:/\1::/' /etc/shadow

# The root is read-only when jobs run, so what is not compiled now is compiled at each import.
# Hash-based files that are never checked need no look at the source and are the same each time.
# A library may carry a file for another Python, which fails; the check below is what counts.
# (compileall's own -j needs /dev/shm, which is not there.)
stdlib=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
find "$stdlib" "$site" -name __pycache__ -prune -exec rm -rf {} +
find "$stdlib" "$site" -name '*.py' -print0 | sort -z |
    xargs -0 -P "$(nproc)" -n 400 python3 -m compileall -q --invalidation-mode unchecked-hash \
        >/dev/null || true

python3 -B - <<'PY'
import importlib
import os

for name in ("lightgbm", "numpy", "openpyxl", "pandas", "PIL", "pyarrow", "scipy.stats", "sklearn"):
    module = importlib.import_module(name)
    if not os.path.exists(module.__cached__):
        raise SystemExit(f"{name} was not compiled")
PY
