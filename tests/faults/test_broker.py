"""The broker dies, hangs, refuses, cannot be reached, packets are lost: seen by a subscriber of its own."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from edge.service.supervision import HUNG_S
from tests.faults.alongside import alongside
from tests.faults.network import Wire
from tests.faults.rig import KEEPALIVE_S, PASSWORD, Rig

OUTAGE_S = float(os.environ.get("EMOTION_EDGE_OUTAGE_S", "10"))  # ten minutes: scripts/soak --outage
TWO_KEEPALIVES_S = 2 * KEEPALIVE_S
LOOKS_EVERY_S = 6.0  # mosquitto 2.0, for clients that are silent; only a keepalive of 12 s or more hides that
SILENT_S = 1.5 * KEEPALIVE_S + LOOKS_EVERY_S
SLACK_S = 3.0  # the machine may be busy


def offline_within(rig: Rig, since: float, seconds: float) -> None:
    heard = rig.wait("availability", lambda m: m.payload == b"offline" and m.at > since)
    assert heard.at - since < seconds, f"offline was told after {heard.at - since:.1f} s"


@alongside()
def test_unreachable_for_long(rig: Rig) -> None:
    """Everything that the outbox keeps arrives, in order; memory stays flat; the log says it once."""
    rig.start()
    rig.wait("reading")
    rig.health()
    before = rig.resident_mb()
    gone = time.time()
    rig.wire.set("refuse")
    offline_within(rig, gone, TWO_KEEPALIVES_S)
    time.sleep(OUTAGE_S)
    grown = rig.resident_mb() - before
    rig.back_after(lambda: rig.wire.set("pass"))
    rig.drained()
    ledger = rig.ledger()
    ledger.check()
    waited = [m.json for m in rig.observer.on("/backlog")]
    assert len([each for each in waited if each["topic"] == "state"]) >= int(0.9 * OUTAGE_S) - 2
    assert {each["topic"] for each in waited} <= {"state", "event", "summary"}
    assert grown < 4.0, f"memory grew by {grown:.1f} MB while the broker was away"
    assert len(re.findall("no broker", rig.log())) <= 2
    assert rig.health()["lost"] == 0


@alongside()
def test_killed_and_restarted(rig: Rig) -> None:
    """kill -9 takes along what the broker had acknowledged and not handed on; that comes again."""
    rig.start(camera={"source": str(rig.video)})
    rig.wait("reading")
    for _ in range(3):
        time.sleep(1.0)
        rig.broker.kill()
        rig.wire.set("refuse")  # until the observer is back, or it could not vouch for what is said before
        rig.until(lambda: not rig.observer.connected.is_set(), "the observer to notice")
        time.sleep(1.0)
        rig.broker.start()
        rig.until(rig.observer.connected.is_set, "the observer to be back")
        rig.back_after(lambda: rig.wire.set("pass"))
    rig.drained()
    rig.ledger().check()
    assert rig.health()["connections"] == 4


@alongside()
def test_takes_the_connection_and_hangs(rig: Rig) -> None:
    """The broker is stopped (SIGSTOP): the link is given up, nothing is lost, nothing old comes afterwards as live."""
    rig.start()
    rig.wait("reading")
    rig.broker.pause()
    time.sleep(9.0)
    rig.back_after(rig.broker.resume)
    rig.next("reading")
    rig.drained()
    rig.ledger().check()
    assert rig.observer.on("/backlog")
    assert "no broker" in rig.log()


@alongside()
def test_everything_is_swallowed_for_a_while(rig: Rig) -> None:
    """Connections stand, and nothing comes through either way; new ones are taken, too, and never answered."""
    rig.start()
    rig.wait("reading")
    gone = time.time()
    rig.wire.set("swallow")
    offline_within(rig, gone, SILENT_S + SLACK_S)
    time.sleep(2.0)
    rig.back_after(lambda: rig.wire.set("pass"))
    rig.drained()
    rig.ledger().check()


@alongside("allow_anonymous true\npassword_file {folder}/passwords")
def test_the_password_is_refused_and_put_right(rig: Rig) -> None:
    """Told once and clearly, kept meanwhile; taken up when the owner mends the file and reloads."""
    secret = rig.folder / "secret"
    secret.write_text("wrong")
    secret.chmod(0o600)
    service = rig.start(mqtt={"username": "device", "password_file": str(secret)})
    rig.until(lambda: "refused" in rig.log() or "password" in rig.log(), "the refusal")
    time.sleep(4.0)
    assert not rig.observer.on("/availability")
    assert len(re.findall("no broker", rig.log())) == 1
    assert "wrong" not in rig.log()
    secret.write_text(PASSWORD)
    service.signal(signal.SIGHUP)
    rig.online()
    rig.drained()
    rig.ledger().check()
    assert len(rig.observer.on("/backlog")) > 3


@alongside()
def test_every_packet_is_lost_for_a_while(rig: Rig) -> None:
    """A network of its own in which packets vanish without a word, in both directions."""
    wire = Wire.lay()
    if wire is None:
        pytest.skip("network namespaces are not permitted here")
    rig.on_close(wire.close)
    port = rig.behind(wire)
    rig.start(mqtt={"host": wire.address, "port": port}, prefix=wire.within)
    rig.wait("reading")
    gone = time.time()
    wire.drop()
    offline_within(rig, gone, SILENT_S + SLACK_S)
    time.sleep(3.0)
    rig.back_after(wire.heal)
    rig.drained()
    rig.ledger().check()


@alongside()
def test_a_service_that_is_stopped_is_told_offline_and_comes_back(rig: Rig) -> None:
    """The last will speaks for it. When it wakes it says itself that it is back, and tells nothing old as new.

    It was stopped for longer than a thread may be silent, and does not take that for a thread that hangs.
    """
    service = rig.start()
    rig.wait("reading")
    gone = time.time()
    service.signal(signal.SIGSTOP)
    try:
        offline_within(rig, gone, SILENT_S + SLACK_S)
        time.sleep(max(0.0, gone + HUNG_S + 1.0 - time.time()))
    finally:
        rig.back_after(lambda: service.signal(signal.SIGCONT))
    rig.drained()
    rig.ledger().check()
