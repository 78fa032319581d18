"""The settings of a job's container: everything that holds the code, in one place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from mle_smith.sandbox.job import Job

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


def environment(job: Job, *, inputs: str, outputs: str, tmp: str) -> dict[str, str]:
    """All variables that a job sees. Numeric libraries get as many threads as it has CPUs."""
    threads = str(max(1, math.ceil(job.limits.cpus)))
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
        **dict.fromkeys(_THREAD_VARIABLES, threads),
        **job.env,
    }


def container_settings(
    job: Job, *, image: str, user: int, binds: list[Mount], labels: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of `create_container` and of `create_host_config` for one job."""
    limits = job.limits
    give_up = str(math.ceil(limits.wall_s) + GRACE_S)
    # `timeout` ends the code where nobody is left to do it from outside.
    command = ["timeout", "-s", "KILL", give_up, "python3", "-s", "-P"]
    command += ["/job/runner.py", "/job/main.py", *job.args]
    create = {
        "image": image,
        "command": command,
        "entrypoint": [],
        "user": f"{user}:{user}",
        "working_dir": "/work",
        "hostname": "sandbox",
        "environment": environment(job, inputs="/in", outputs="/out", tmp="/tmp"),
        "labels": labels,
    }
    largest_file = max(limits.out_mb, limits.tmp_mb) * 2**20
    tmpfs = f"rw,nosuid,nodev,noexec,size={limits.tmp_mb}m,uid={user},gid={user},mode=0700"
    host = {
        "mounts": binds,
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
    }
    return create, host


def bind(source: Path, target: str, *, writable: bool = False) -> Mount:
    """A bind mount that fails where the source is missing, instead of making it."""
    return Mount(
        type="bind",
        source=str(source),
        target=target,
        read_only=not writable,
        propagation="rprivate",
    )
