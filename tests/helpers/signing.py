"""The sample signing service, as an owner of a fleet runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from edge.device import resources
from tests.helpers.broker import free_port

PROGRAM = resources.firmware_config() / "fleet" / "centre" / "signing-service.py"


class Signing:
    """The sample signing service, as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.say("init", "--host", "127.0.0.1")

    @property
    def ca(self) -> str:
        return str(self.folder / "ca.pem")

    def say(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, PROGRAM, "--folder", self.folder, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def serve(self, *words: str) -> None:
        self.stop()
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--folder", self.folder, "serve", "--listen", "127.0.0.1", "--port",
             str(self.port), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert "serving" in self.process.stdout.readline()

    def listen(self, port: int, *words: str) -> None:
        """Over a broker, which knows it by its certificate unless `words` say otherwise."""
        self.stop()
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--folder", self.folder, "listen", f"127.0.0.1:{port}", *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert "listening" in self.process.stdout.readline()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None
