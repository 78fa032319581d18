#!/bin/sh
# Last step of both ways to the image, run inside it as root: takes out what a job must not have
# or does not need, compiles what it imports, and proves that it imports.
set -eu

# No program that gives its caller more rights.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc/* \
    /usr/share/man/* /usr/share/info/* /usr/share/locale/* /root/.cache
site=$(python3 -c 'import pandas, pathlib; print(pathlib.Path(pandas.__file__).parents[1])')
# numpy's tests stay: numpy.testing imports from them.
rm -rf "$site/pandas/tests" "$site/pyarrow/tests" "$site/pyarrow/include"
find "$site/sklearn" "$site/scipy" -type d -name tests -prune -exec rm -rf {} +

# The root is read-only when jobs run, so what is not compiled now is compiled at each import.
# Hash-based files that are never checked need no look at the source and are the same each time.
# The status is not asked: a library may carry a file for another Python, and the imports below
# are the test that counts.
stdlib=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
find "$stdlib" "$site" -name __pycache__ -prune -exec rm -rf {} +
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$stdlib" "$site" >/dev/null || true

python3 -B -c 'import lightgbm, numpy, openpyxl, pandas, PIL, pyarrow, scipy.stats, sklearn.ensemble'
