"""The settings of a container: everything that holds the code, in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from docker.types import LogConfig, Mount, Ulimit

from mle_smith.sandbox.container_end import WATCH
from mle_smith.sandbox.job import Limits

SECCOMP = Path(__file__).with_name("seccomp.json")
GRACE_S = 10
"""A container outlives its deadline by this much only where our own process is gone."""

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_SHM_MB = 64


def environment(
    limits: Limits, added: Mapping[str, str], *, inputs: str, outputs: str, tmp: str
) -> dict[str, str]:
    """All variables that a job sees. Numeric libraries get as many threads as it has CPUs."""
    threads = str(max(1, math.ceil(limits.cpus)))
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": tmp,
        "TMPDIR": tmp,
        "MLE_IN": inputs,
        "MLE_OUT": outputs,
        "MPLCONFIGDIR": tmp,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        # The usual one reserves a gigabyte beforehand, which counts where addresses are limited.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        **dict.fromkeys(_THREAD_VARIABLES, threads),
        **added,
    }


class Made(NamedTuple):
    """What a container is made of, beside the limits."""

    image: str
    user: int
    binds: list[Mount]
    environment: dict[str, str]
    runtime: str | None = None
    """The engine's own where None."""


def command(*arguments: str, seconds: float) -> list[str]:
    """Run Python on `arguments`, and end it after `seconds` where nobody is left to do so.

    Standard output and error end with a closing line (`container_end`).
    """
    give_up = str(math.ceil(seconds) + GRACE_S)
    return ["sh", "-c", WATCH, "sh", give_up, "python3", "-s", "-P", *arguments]


def container_settings(
    made: Made, limits: Limits, command: list[str], labels: dict[str, str], *, waits: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of `create_container` and of `create_host_config`.

    Args:
        made: what the container is made of.
        limits: what is in it may use.
        command: what runs in it.
        labels: by which it is found again.
        waits: the command reads what to do from its standard input, until we hang up.
    """
    user = made.user
    create = {
        "image": made.image,
        "command": command,
        "entrypoint": [],
        "user": f"{user}:{user}",
        "working_dir": "/work",
        "hostname": "sandbox",
        "environment": made.environment,
        "labels": labels,
        "stdin_open": waits,
    }
    largest_file = max(limits.out_mb, limits.tmp_mb) * 2**20
    tmpfs = f"rw,nosuid,nodev,noexec,size={limits.tmp_mb}m,uid={user},gid={user},mode=0700"
    host = {
        "mounts": made.binds,
        "tmpfs": {"/tmp": tmpfs, "/work": tmpfs},
        "shm_size": f"{_SHM_MB}m",
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={SECCOMP.read_text()}"],
        "ipc_mode": "private",
        "init": True,
        "mem_limit": f"{limits.memory_mb}m",
        "memswap_limit": f"{limits.memory_mb}m",
        "nano_cpus": int(limits.cpus * 1e9),
        "pids_limit": limits.pids,
        "oom_score_adj": 500,
        "ulimits": [
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=4096, hard=4096),
            Ulimit(name="fsize", soft=largest_file, hard=largest_file),
        ],
        "log_config": LogConfig(type="none"),
        "auto_remove": False,
        "runtime": made.runtime,
    }
    return create, host


def bind(source: Path, target: str, *, writable: bool = False, follows: bool = False) -> Mount:
    """A bind mount that fails where the source is missing, instead of making it.

    With `follows`, what is mounted below the source later appears in the container, too.
    """
    return Mount(
        type="bind",
        source=str(source),
        target=target,
        read_only=not writable,
        propagation="rslave" if follows else "rprivate",
    )
