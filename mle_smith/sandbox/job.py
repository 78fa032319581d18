"""What a sandbox is asked and what it answers: limits, mounts, jobs, results."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import Field

from mle_smith.values import Value


class Role(StrEnum):
    """Why code runs, which decides what it may see (`mle_smith.sandbox.policy`)."""

    PREPARE = "prepare"
    """Reads raw data, writes public/ and private/. Also a designer's exploration of raw data."""
    SOLVE = "solve"
    """A participant's code: public files only. Private files are not in its container."""
    GRADE = "grade"
    """Reads a submission, the answers and metric.py; gives back numbers."""


class Limits(Value):
    """What one job may use. Frozen; sizes in MiB unless the name says otherwise."""

    wall_s: float = Field(default=120, gt=0, le=7 * 86_400)
    cpus: float = Field(default=1, gt=0, le=1024)
    memory_mb: int = Field(default=2048, ge=64, le=1 << 24)
    pids: int = Field(default=128, ge=4, le=1 << 22)
    tmp_mb: int = Field(default=256, ge=1, le=1 << 24)
    out_mb: int = Field(default=1024, ge=1, le=1 << 24)
    out_files: int = Field(default=10_000, ge=1, le=10_000_000)
    stdout_bytes: int = Field(default=256 * 1024, ge=0, le=1 << 28)
    stderr_bytes: int = Field(default=64 * 1024, ge=0, le=1 << 28)


class Mount(Value):
    """A host file or folder that a job can read, never write, at `target`."""

    source: Path
    target: str = Field(pattern=r"^/[\w./-]+$")
    """Absolute path inside the sandbox, `/in` or below it. Pass it to the code through `args`
    or rely on `MLE_IN`: the process backend cannot mount, and gives the code another path."""


class Job(Value):
    """One Python program to run once, alone."""

    role: Role
    code: str
    """Source of the program. It runs as `__main__` with an empty, writable folder as its
    working folder (limited by `tmp_mb`) and finds these in its environment:
    `MLE_IN` (the folder of all mounts), `MLE_OUT` (write results here), `HOME`, `TZ`."""
    mounts: tuple[Mount, ...] = ()
    outputs: tuple[str, ...] = ()
    """Glob patterns relative to `MLE_OUT` (`public/**`): what is collected after the end."""
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    """Additions to the empty environment: `TZ`, `PYTHONHASHSEED`, …"""
    limits: Limits = Limits()


class Status(StrEnum):
    """How a job ended. The first that applies, in this order, is its status."""

    INFRA_ERROR = "infra_error"
    """The sandbox failed, not the code: never held against an agent."""
    OUTPUT_LIMIT = "output_limit"
    TIMEOUT = "timeout"
    OOM = "oom"
    KILLED = "killed"
    NONZERO = "nonzero"
    OK = "ok"


class Artefact(Value):
    """A file that a job wrote and the host collected."""

    path: Path
    sha256: str
    size: int


class Result(Value):
    """What one job did."""

    status: Status
    exit_code: int | None = None
    oom_seen: bool = False
    """A process of the job was killed for memory (the job itself may have gone on)."""
    truncated: bool = False
    """Output went past its limit and the rest was thrown away."""
    wall_s: float = 0.0
    stdout: str = ""
    stderr: str = ""
    artefacts: dict[str, Artefact] = Field(default_factory=dict)
    """By path relative to `MLE_OUT`, with `/` as separator, sorted."""
    rejected: dict[str, str] = Field(default_factory=dict)
    """Files that were not collected, each with the reason."""
    backend: str = ""
    isolation: str = ""
    """What held the code, in words for a report: `docker: no network, read-only root, …`."""

    @property
    def ok(self) -> bool:
        """Whether the program ran to its end and exited with 0."""
        return self.status is Status.OK


class Gap(StrEnum):
    """Something that a backend expressly does not hold; its value says so in words.

    Each has its case in `tests/support/attacks`, which shows that it is so.
    """

    ABSENCE = "what the code may not read is refused, not absent: it can see names and sizes"
    MEMORY_FILES = "files in /tmp and in the working folder do not count as memory"
    ROOT_USER = "the code runs as root, without its rights"
    SCRATCH_SIZE = "`tmp_mb` holds for each file, not for all of /tmp or the working folder"
    SHARED_MEMORY = "there is no /dev/shm: joblib and multiprocessing keep to one process"


class Capabilities(Value):
    """What a backend can hold."""

    backend: str
    isolation: str
    network: bool
    """The code has no network."""
    filesystem: bool
    """The code sees no file of the host but its inputs and the Python it runs on."""
    memory: bool
    """The memory limit covers all processes of a job together."""
    gaps: frozenset[Gap] = frozenset()
    """What it does not hold, of what the others do."""


class Sandbox(Protocol):
    """Runs untrusted programs. Safe to share between threads."""

    def capabilities(self) -> Capabilities:
        """What this backend holds and what it does not."""
        ...

    def run(self, job: Job, out: Path | None = None) -> Result:
        """Run `job` to its end, or to its limits, and collect what it wrote.

        Args:
            job: what to run.
            out: an existing, empty folder of the host that collected files are put into, under
                their relative paths. None: nothing is collected.

        Returns:
            The outcome; infrastructure faults too, as `Status.INFRA_ERROR`, after one retry.

        Raises:
            UsageError: a mount breaks the policy of the job's role.
        """
        ...

    def close(self) -> None:
        """Remove everything this sandbox made. It cannot be used afterwards."""
        ...
