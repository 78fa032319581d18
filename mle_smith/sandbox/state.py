"""The state of this machine's sandboxes: what is here, what `auto` takes, what is left over."""

from __future__ import annotations

from contextlib import closing
from typing import Literal

from mle_smith.errors import SandboxUnavailableError
from mle_smith.sandbox import leftovers
from mle_smith.sandbox.choose import Fact, doctor
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.leftovers import Leftovers
from mle_smith.sandbox.scratch import throwaway_parent
from mle_smith.values import Value

Backend = Literal["docker", "process", "none"]


class State(Value):
    """What there is, and what to do next."""

    engine: Fact
    image: Fact
    process: Fact
    auto: Backend
    """What `--sandbox auto` takes."""
    isolation: str
    """What would hold the code there; empty where nothing would, or the image is still to be built.
    """
    leftovers: Leftovers
    next_steps: tuple[str, ...]

    @property
    def able(self) -> bool:
        """Whether generated code can run here."""
        return self.auto != "none"


def sandbox_state() -> State:
    """Look at this machine. Changes nothing on it."""
    left = leftovers.find()
    engine, image, process = doctor()
    auto, isolation = _auto(engine, image, process)
    steps = [image.next_step if engine.ok else engine.next_step]
    steps += [process.next_step] if auto == "none" else []
    steps += ["mle-smith sandbox clean"] if left.count else []
    return State(
        engine=engine,
        image=image,
        process=process,
        auto=auto,
        isolation=isolation,
        leftovers=left,
        next_steps=tuple(step for step in steps if step),
    )


def _auto(engine: Fact, image: Fact, process: Fact) -> tuple[Backend, str]:
    if engine.ok and not image.ok:
        return "docker", ""
    if engine.ok:
        try:
            with throwaway_parent() as parent, closing(DockerSandbox(scratch_parent=parent)) as box:
                return "docker", box.capabilities().isolation
        except SandboxUnavailableError:
            pass  # It went away since; `auto` would go on to processes, too.
    return ("process", f"process, {process.state}") if process.ok else ("none", "")
