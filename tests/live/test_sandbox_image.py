"""The sandbox image holds what the recipe says, and nothing of the machine or day it was made."""

from __future__ import annotations

from contextlib import closing

import pytest

from mle_smith.sandbox import image
from mle_smith.sandbox.containers import DockerSandbox
from mle_smith.sandbox.engine import connect
from mle_smith.sandbox.job import Job, Role

pytestmark = pytest.mark.docker

LOOK = """
import glob, os, pandas
site = os.path.dirname(os.path.dirname(pandas.__file__))
patterns = ["/etc/apt/sources.list*", "/var/cache/ldconfig/*", "/var/log/*", "/var/lib/apt/lists/*",
            "/var/backups/*", "/root/.cache", "/finish.sh", site + "/bin"]
patterns += [site + "/*.dist-info/" + name for name in
             ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")]
print([path for pattern in patterns for path in glob.glob(pattern)])
"""


def test_nothing_tells_where_when_or_by_whom_it_was_made(docker_sandbox: DockerSandbox) -> None:
    result = docker_sandbox.run(Job(role=Role.SOLVE, code=LOOK))
    assert result.stdout == "[]\n", result.stderr


def test_status_tells_the_layers(docker_sandbox: DockerSandbox) -> None:
    with closing(connect()) as client:
        found = image.status(client)
    assert found.layers
    assert all(layer.startswith("sha256:") for layer in found.layers)
    assert image.build(lambda _: None).layers == found.layers
