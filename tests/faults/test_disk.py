"""The disk is full, read-only, short of quota, or takes its time: said so, and nothing that is kept gets lost."""

from __future__ import annotations

import resource
import signal
import time

import pytest

from tests.faults.alongside import alongside
from tests.faults.disk import Disk
from tests.faults.rig import PREFIX, Rig

OUTBOX_RETRY_S = 30.0


def outage(rig: Rig, seconds: float) -> None:
    rig.wire.set("refuse")
    time.sleep(seconds)
    rig.back_after(lambda: rig.wire.set("pass"))


def refused(rig: Rig, topic: str, payload: str, answer: str) -> str:
    """The reason in the answer."""
    return str(rig.ask(topic, payload, answer, lambda m: m.json["status"] == "error").json["error"])


@alongside()
def test_full_and_then_read_only(rig: Rig) -> None:
    disk = Disk.tiny(rig.folder / "state", "1m")
    if disk is None:
        pytest.skip("no right to mount here")
    rig.on_close(disk.close)
    service = rig.start(prefix=disk.within, env={"PYTHONPATH": rig.repository}, privacy={"remote_off": True})
    rig.wait("reading")
    rig.drained()  # else the outbox's file goes when its last message does, and there is room again
    rig.wire.set("refuse")

    def told_in_the_log() -> bool:
        disk.fill()
        return "full" in rig.log()

    rig.until(told_in_the_log, "the outbox to need room")
    rig.back_after(lambda: rig.wire.set("pass"))
    told = rig.next("health", lambda m: m.json["degraded"]).json
    assert "full" in told["degraded"]
    assert told["lost"] == 0
    assert "cannot be stored" in refused(rig, "config/decision.enter/set", "0.5", "config")
    rig.drained()
    disk.make_room()
    rig.next("health", lambda m: not m.json["degraded"], OUTBOX_RETRY_S + 30)

    disk.run("mount", "-o", "remount,ro", str(disk.mounted))
    assert "cannot be stored" in refused(rig, "config/decision.enter/set", "0.5", "config")
    assert "stays on" in rig.ask("privacy/set", "ON", "privacy").json["error"]
    rig.wait("privacy", lambda m: m.payload == b"ON")  # released, though it cannot be kept
    rig.wait("status/microphone", lambda m: m.json["state"] == "disabled")
    disk.run("mount", "-o", "remount,rw", str(disk.mounted))
    rig.observer.send(f"{PREFIX}/privacy/set", "OFF")
    rig.next("reading")
    rig.observer.send(f"{PREFIX}/config/decision.enter/set", "0.5")
    rig.wait("config/decision.enter", lambda m: m.payload == b"0.5")
    rig.ledger().check()
    assert service.stop() == 0
    assert "Traceback" not in rig.log()


@alongside()
def test_a_quota(rig: Rig) -> None:
    service = rig.start()
    rig.wait("reading")
    _, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (20_000, hard))
    outage(rig, 6.0)
    assert rig.next("health", lambda m: m.json["degraded"]).json["lost"] == 0
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (hard, hard))
    rig.drained()
    rig.ledger().check()
    assert service.stop() == 0


@alongside()
def test_a_disk_that_hangs_for_seconds(rig: Rig) -> None:
    """An ext4 on a loop device, frozen while it is written. The service goes on; nothing old comes as live."""
    disk = Disk.make(rig.folder / "disk.img")
    if disk is None:
        pytest.skip("loop devices are not permitted here")
    rig.on_close(disk.close)
    rig.on_close(disk.thaw)
    (rig.folder / "state").symlink_to(disk.mounted)
    service = rig.start(prefix=disk.within, env={"PYTHONPATH": rig.repository})
    rig.wait("reading")
    rig.wire.set("refuse")
    time.sleep(2.0)
    disk.freeze()
    time.sleep(2.0)
    rig.wire.set("pass")
    time.sleep(4.0)
    disk.thaw()
    thawed = time.time()
    rig.wait("reading", lambda m: m.at > thawed)
    assert "took" in rig.next("health", lambda m: m.json["degraded"]).json["degraded"]
    rig.drained()
    rig.ledger().check()
    service.signal(signal.SIGTERM)
    assert service.wait(20) == 0
    assert "the disk took" in rig.log()
