"""A local broker for a trial: mosquitto as a child process, on loopback, ended together with us."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from edge.demo.mosquitto import environment, fetch, find_mosquitto
from edge.errors import BrokerError

__all__ = ["USUAL_PORT", "LocalBroker", "fetch", "find_mosquitto", "is_free"]

HOST = "127.0.0.1"
USUAL_PORT = 1883
_READY_S = 10.0
_STOP_S = 3.0
_PR_SET_PDEATHSIG = 1

_CONFIG = """\
listener {port} {host}
allow_anonymous true
persistence false
# The default limit loses messages to slow subscribers in a burst.
max_queued_messages 0
# For root alone: it would become the user mosquitto else, who may not exist and would not be ended with us.
user root
log_dest stderr
log_type error
log_type warning
"""


class LocalBroker:
    """Start it from a thread that lives at least as long: the system ends it together with that thread or process."""

    host = HOST

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self, port: int = 0) -> int:
        """Starts mosquitto, fetching it first if need be; returns the port, a free one for 0. Raises BrokerError."""
        program = find_mosquitto() or fetch()
        self._folder = tempfile.TemporaryDirectory(prefix="emotion-edge-broker-")
        config, log = Path(self._folder.name) / "mosquitto.conf", Path(self._folder.name) / "log"
        try:
            self.port = _free_port(port)
            config.write_text(_CONFIG.format(port=self.port, host=HOST), encoding="utf-8")
            with log.open("wb") as errors:
                self._process = subprocess.Popen(
                    [str(program), "-c", str(config)],
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                    env=environment(program),
                    preexec_fn=_end_with_parent(),  # noqa: PLW1509 (a single system call, loaded before)
                    start_new_session=True,  # Ctrl-C is for us; we still need it to say good-bye to
                )
            self._wait_until_ready(log)
        except (OSError, BrokerError) as error:
            self.stop()
            raise BrokerError(f"mosquitto could not be started: {error}") from None
        return self.port

    def stop(self) -> None:
        """Ends it and leaves nothing behind; may be called twice."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def kill(self) -> None:
        """Ends it as a power cut would; start(port) brings it back."""
        if self._process:
            self._process.kill()
        self.stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def __enter__(self) -> LocalBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self, log: Path) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise BrokerError(lines[-1] if lines else "it ended without a message")
            try:
                socket.create_connection((HOST, self.port), timeout=1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise BrokerError(f"it does not listen on {HOST} port {self.port}")


def is_free(port: int) -> bool:
    """Whether nobody listens on that port of loopback."""
    try:
        _free_port(port)
    except BrokerError:
        return False
    return True


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise BrokerError(f"port {wanted}: {error.strerror}") from None
        return int(probe.getsockname()[1])


def _end_with_parent() -> Callable[[], object] | None:
    """What the child does before it becomes mosquitto. The library is loaded here: after a fork it is too late."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
