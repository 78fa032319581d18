"""Attacks that only try what must be refused share one job: each a process with its own folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from mle_smith.sandbox.job import Job, Mount, Role, Status
from tests.support.attacks.case import PRELUDE, Attack, Given, Seen, Site
from tests.support.sandboxes import SMALL

_DRIVER = """
import json, os, sys, traceback
parent = os.getppid()
for number, program in enumerate(json.loads(sys.argv[1])):
    os.makedirs(f"{number}")
    os.makedirs(f"{os.environ['MLE_OUT']}/{number}")
    streams = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        for (reading, writing), stream in zip(streams, (1, 2)):
            os.close(reading), os.dup2(writing, stream), os.close(writing)
        os.chdir(f"{number}")
        sys.argv = [sys.argv[0], *program["args"]]
        os.environ.update(MLE_IN=f"{os.environ['MLE_IN']}/{number}", PARENT=str(parent),
                          MLE_OUT=f"{os.environ['MLE_OUT']}/{number}")
        code = 0
        try: exec(compile(program["code"], sys.argv[0], "exec"), {"__name__": "__main__"})
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    texts = []
    for reading, writing in streams:
        os.close(writing)
        with open(reading, "rb") as file: texts.append(file.read().decode(errors="replace"))
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([ended, *texts]), flush=True)
"""


class Trial(NamedTuple):
    """One of them: what came of it, or what its scene found on the host afterwards."""

    seen: Seen
    failure: AssertionError | None


def carry_out_together(attacks: Sequence[Attack], site: Site) -> dict[str, Trial]:
    """Run all programs in one job, each in the scene it asks for; by name."""
    scenes = [ExitStack() for _ in attacks]
    failures: list[AssertionError | None] = []
    out = site.folder / "collected"
    out.mkdir()
    try:
        given = [_enter(*pair, site, n) for n, pair in enumerate(zip(attacks, scenes, strict=True))]
        programs = [
            {"code": PRELUDE + attack.code, "args": one.args}
            for attack, one in zip(attacks, given, strict=True)
        ]
        job = Job(
            role=Role.SOLVE,
            code=_DRIVER,
            args=(json.dumps(programs),),
            mounts=tuple(mount for n, one in enumerate(given) for mount in _below(n, one)),
            limits=SMALL.model_copy(update={"wall_s": 60}),
        )
        result = site.sandbox.run(job, out)
    finally:
        failures += [_leave(scene) for scene in scenes]
    if not result.ok:
        pytest.fail(f"the job of all of them failed: {result}")
    trials = {}
    for attack, line, failure in zip(attacks, result.stdout.splitlines(), failures, strict=True):
        code, stdout, stderr = json.loads(line)
        status = Status.NONZERO if code else Status.OK
        own = {"status": status, "exit_code": code, "stdout": stdout, "stderr": stderr}
        trials[attack.name] = Trial(Seen(result.model_copy(update=own), out, SMALL), failure)
    return trials


def _enter(attack: Attack, scene: ExitStack, site: Site, number: int) -> Given:
    folder = site.folder / str(number)
    folder.mkdir()
    return scene.enter_context(attack.scene(Site(folder, site.sandbox)))


def _leave(scene: ExitStack) -> AssertionError | None:
    try:
        scene.close()
    except AssertionError as failure:
        return failure
    return None


def _below(number: int, given: Given) -> list[Mount]:
    """The mounts, in the folder that one of several programs takes for the whole."""
    return [
        mount.model_copy(update={"target": f"/in/{number}{mount.target.removeprefix('/in')}"})
        for mount in given.mounts
    ]
