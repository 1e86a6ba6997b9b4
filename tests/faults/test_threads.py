"""A worker raises or hangs, the loop hangs: restarted alone, then the process ends, and systemd's watchdog bites."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path

from edge.service.supervision import HUNG_S, RESTARTS
from tests.faults.alongside import alongside
from tests.faults.rig import Rig

SLACK_S = 8.0  # the machine may be busy


class Systemd:
    """Listens where it would."""

    def __init__(self, folder: Path) -> None:
        self.said: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self.address = str(folder / "notify")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def silent_for(self) -> float:
        """Seconds since the watchdog was fed."""
        fed = [at for at, line in list(self.said) if line == "WATCHDOG=1"]
        return time.monotonic() - fed[-1] if fed else 0.0

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)  # or it would wait on with a descriptor that is soon another's
        self._socket.close()

    def _listen(self) -> None:
        while line := self._socket.recv(1000):
            self.said.append((time.monotonic(), line.decode()))


def begin(rig: Rig, **env: str) -> Path:
    switch = rig.folder / "break"
    switch.write_text("")
    given = {"EMOTION_EDGE_BREAK": str(switch), **env}
    rig.start(module="tests.faults.broken", env=given, camera={"source": str(rig.video)})
    rig.wait("reading", lambda m: m.json["face"] and m.json["speech"])
    return switch


@alongside()
def test_a_worker_that_raises_is_restarted_alone_and_not_for_ever(rig: Rig) -> None:
    switch = begin(rig)
    switch.write_text("face raises once")
    rig.next("health", lambda m: m.json["restarts"] == {"face": 1})
    rig.next("reading", lambda m: m.json["face"])
    switch.write_text("speech raises once")
    rig.next("health", lambda m: m.json["restarts"] == {"face": 1, "speech": 1})
    rig.next("reading", lambda m: m.json["speech"])
    switch.write_text("face raises")
    assert rig.service is not None
    assert rig.service.wait(60) == 1
    assert _offline(rig)
    assert f"thread face died {RESTARTS} times" in rig.log()
    switch.write_text("")
    again = time.time()
    rig.service.start()  # as systemd does
    rig.online(after=again)
    rig.next("reading", lambda m: m.json["face"])


@alongside()
def test_a_worker_that_hangs_ends_the_process(rig: Rig) -> None:
    systemd = Systemd(rig.folder)
    rig.on_close(systemd.close)
    switch = begin(rig, NOTIFY_SOCKET=systemd.address)
    assert "READY=1" in [line for _, line in systemd.said]
    rig.until(lambda: len([line for _, line in systemd.said if line == "WATCHDOG=1"]) > 3, "the watchdog to be fed")
    switch.write_text("face hangs")
    hung = time.monotonic()
    assert rig.service is not None
    assert rig.service.wait(60) == 1
    assert HUNG_S <= time.monotonic() - hung < HUNG_S + SLACK_S
    assert "thread face has not responded" in rig.log()
    assert _offline(rig)


@alongside()
def test_a_loop_that_hangs_starves_the_watchdog(rig: Rig) -> None:
    """Nothing inside can end it then: systemd does, here the test in its place."""
    systemd = Systemd(rig.folder)
    rig.on_close(systemd.close)
    switch = begin(rig, NOTIFY_SOCKET=systemd.address)
    rig.until(lambda: systemd.silent_for() < 3.0 and systemd.said, "the watchdog to be fed")
    switch.write_text("loop hangs")
    rig.until(lambda: systemd.silent_for() > 6.0, "the watchdog to starve")
    assert rig.service is not None
    rig.service.signal(signal.SIGABRT)
    assert rig.service.wait(20) == -signal.SIGABRT
    rig.wait("availability", lambda m: m.payload == b"offline")
    switch.write_text("")
    again = time.time()
    rig.service.start()
    rig.online(after=again)
    rig.next("reading")


def _offline(rig: Rig) -> bool:
    time.sleep(0.5)
    return bool(rig.observer.on("/availability")[-1].payload == b"offline")
