"""The broker dies, hangs, refuses, cannot be reached, packets are lost: seen by a subscriber of its own."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from tests.faults.alongside import alongside
from tests.faults.network import Wire
from tests.faults.rig import KEEPALIVE_S, PASSWORD, Rig

OUTAGE_S = float(os.environ.get("EMOTION_EDGE_OUTAGE_S", "10"))  # ten minutes: scripts/soak --outage
TWO_KEEPALIVES_S = 2 * KEEPALIVE_S
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
    rig.wire.set("pass")
    back = time.time()
    rig.online(after=back)
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
        back = time.time()
        rig.wire.set("pass")
        rig.online(after=back)
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
    rig.broker.resume()
    back = time.time()
    rig.next("reading")
    rig.drained()
    rig.ledger().check()
    assert rig.observer.on("/backlog")
    rig.online(after=back - 1)
    assert "no broker" in rig.log()


@alongside()
def test_everything_is_swallowed_for_a_while(rig: Rig) -> None:
    """Connections stand, and nothing comes through either way; new ones are taken, too, and never answered."""
    rig.start()
    rig.wait("reading")
    gone = time.time()
    rig.wire.set("swallow")
    offline_within(rig, gone, TWO_KEEPALIVES_S + SLACK_S)
    time.sleep(2.0)
    rig.wire.set("pass")
    back = time.time()
    rig.online(after=back)
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
    offline_within(rig, gone, TWO_KEEPALIVES_S + SLACK_S)
    time.sleep(3.0)
    wire.heal()
    back = time.time()
    rig.online(after=back)
    rig.drained()
    rig.ledger().check()


@alongside()
def test_a_service_that_hangs_is_offline_within_two_keepalives(rig: Rig) -> None:
    """The last will speaks for it. When it wakes it says itself that it is back, and tells nothing old as new."""
    service = rig.start()
    rig.wait("reading")
    gone = time.time()
    service.signal(signal.SIGSTOP)
    try:
        offline_within(rig, gone, TWO_KEEPALIVES_S + SLACK_S)
    finally:
        service.signal(signal.SIGCONT)
    back = time.time()
    rig.online(after=back)
    rig.drained()
    rig.ledger().check()
