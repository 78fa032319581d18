"""A Docker engine of a test's own, which it may stop, kill and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import docker

from mle_smith.sandbox.engine import connect, knock
from mle_smith.sandbox.mounts import unmount_below

# Containers of the sandbox have no network, so the engine needs neither bridge nor rules.
_OFFLINE = ("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge=none")


class Engine:
    """One engine with a folder of its own. Needs root and dockerd."""

    def __init__(self, *options: str) -> None:
        # Not in pytest's folder: the path of a socket may have a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="mle-engine-"))
        self.address = f"unix://{self.folder}/engine.sock"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def possible() -> bool:
        return os.geteuid() == 0 and shutil.which("dockerd") is not None

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(self.address, version="1.41", timeout=60)

    def start(self) -> None:
        """Start it and wait until it answers. What a killed one left is cleared first."""
        (self.folder / "run" / "containerd" / "containerd.pid").unlink(missing_ok=True)
        (self.folder / "engine.pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            own = {"data-root": "data", "exec-root": "run", "pidfile": "engine.pid"}
            places = [f"--{option}={self.folder}/{name}" for option, name in own.items()]
            self._process = subprocess.Popen(
                ["dockerd", *_OFFLINE, *places, *self._options, f"--host={self.address}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for _ in range(300):
            if self._process.poll() is not None:
                break
            with suppress(OSError):
                knock(address=self.address)
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text()[-3000:])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(60)

    def load(self, image: str) -> None:
        """Give it an image that the machine's own engine has."""
        with closing(connect()) as usual, closing(self.client()) as own:
            usual.api.timeout = 120
            own.images.load(b"".join(usual.images.get(image).save(named=True)))

    def remove(self) -> None:
        """End it, and what it started, and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self.stop(signal.SIGKILL)
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # What runs containers outlives the engine.
                if str(self.folder).encode() in process.read_bytes():
                    os.kill(int(process.parent.name), signal.SIGKILL)
        unmount_below(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
