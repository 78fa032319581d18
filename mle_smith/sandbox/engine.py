"""The Docker engine: finding it, telling whether it still answers, and the runtime it offers."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import docker
import requests
from docker.errors import DockerException

from mle_smith.errors import SandboxUnavailableError

GVISOR = "runsc"
_LOCAL_ENGINE = "unix:///var/run/docker.sock"
_NO_NETWORK = "http+docker:"
"""How docker-py begins the address of an engine behind a socket or pipe of this machine."""
_BACK_OFF_S = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
_PROBE_S, _REMOVAL_S = 10, 3

FAULTS = (DockerException, requests.RequestException, OSError)
"""What calls of the engine raise where it, and not the code in a container, is at fault."""


class EngineLostError(OSError):
    """The engine broke off while a container ran, so that what became of it cannot be known."""


def connect(timeout: int = 2) -> docker.DockerClient:
    """A client of the Docker engine that `DOCKER_HOST` names (default: the local one).

    Raises:
        SandboxUnavailableError: no engine answers within `timeout` seconds.
    """
    try:
        knock(timeout)
        client = docker.from_env(timeout=timeout)
    except FAULTS as error:
        raise SandboxUnavailableError(
            f"No Docker engine answers here ({first_line(error)}). Start it, or run with "
            "--sandbox process where no language model writes the code.",
            code="sandbox.docker.engine",
        ) from error
    if client.api.base_url.startswith(_NO_NETWORK):
        # Else each call reads the environment for proxies, and fails while another thread sets it.
        client.api.trust_env = False
    return client


def knock(timeout: float = 2, address: str | None = None) -> None:
    """Ask a local engine (default: as for `connect`) over a new connection whether it is there.

    An engine that is shutting down serves the connections it has and refuses new ones. (docker-py
    leaves sockets open where there is no engine.)

    Raises:
        OSError: it does not answer.
    """
    address = address or os.environ.get("DOCKER_HOST") or _LOCAL_ENGINE
    if not address.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(address.removeprefix("unix://"))
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        if b" 200 " not in connection.recv(64):
            raise ConnectionError(f"{address} is no Docker engine")


def wait_until_back(seconds: float) -> bool:
    """Wait for an engine that was lost; whether it answers again within `seconds`."""
    deadline = time.monotonic() + seconds
    for pause in (*_BACK_OFF_S, *[_BACK_OFF_S[-1]] * int(seconds)):
        try:
            knock()
        except OSError:
            if time.monotonic() + pause > deadline:
                return False
            time.sleep(pause)
        else:
            return True
    return False


def strongest_runtime(
    client: docker.DockerClient, image: str, labels: dict[str, str]
) -> str | None:
    """The name of gVisor where the engine has it and it works; None: the engine's own runtime.

    Args:
        client: of the engine.
        image: what a container is tried with.
        labels: of that container. One that hangs at its start, as some do, cannot be removed now.
    """
    if GVISOR not in client.info().get("Runtimes", {}):
        return None
    api = client.api
    usual, api.timeout = api.timeout, _PROBE_S
    host = api.create_host_config(runtime=GVISOR, network_mode="none", cap_drop=["ALL"])
    made = api.create_container(image, ["true"], host_config=host, labels=labels)["Id"]
    works = False
    with contextlib.suppress(*FAULTS):
        api.start(made)
        works = int(api.wait(made, timeout=_PROBE_S)["StatusCode"]) == 0
    with contextlib.suppress(*FAULTS):
        api.timeout = _REMOVAL_S
        api.remove_container(made, force=True)
    api.timeout = usual
    return GVISOR if works else None


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its name where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
