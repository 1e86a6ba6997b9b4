"""The real process, driven from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.config.values import toml as literal

DEVICE = "shelf"


class Service:
    """`emotion-edge run` with a config and a state folder of its own.

    `module` may be another entry that runs the same; `prefix` is a program that becomes it, such as unshare.
    """

    def __init__(
        self,
        folder: Path,
        toml: str,
        env: dict[str, str] | None = None,
        *,
        module: str = "edge",
        prefix: Sequence[str] = (),
    ) -> None:
        self.config = folder / "config.toml"
        self.state = folder / "state"
        self.log = folder / "service.log"
        self.config.write_text(toml)
        self._env = {**os.environ, **(env or {})}
        installed = os.environ.get("EMOTION_EDGE_INSTALLED_PYTHON") if module == "edge" else None
        self._cwd = folder if installed else None  # or the folder that we are in would be the package
        self._command = [*prefix, installed or sys.executable, "-W", "error", "-m", module]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> Service:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "run", "--config", str(self.config), "--state", str(self.state), *words],
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self._cwd,
            )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 10.0) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM, and the exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def descriptors(self) -> list[str]:
        """What the process has open."""
        found = []
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                found.append(str(link.readlink()))
            except FileNotFoundError:
                continue
        return found


Start = Callable[..., Service]  # the fixture `start`
Run = Callable[..., tuple[int, str, str]]  # the fixture `run`


def emotion_edge(*words: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """One command, as a person types it."""
    env = {name: value for name, value in os.environ.items() if name != "EMOTION_EDGE_CONFIG"}
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, words)],
        capture_output=True, text=True, timeout=timeout, check=False, env=env,
    )  # fmt: skip


def toml(**sections: dict[str, Any]) -> str:
    """A config file from plain values."""
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {literal(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
