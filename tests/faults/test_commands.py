"""Commands by the thousand, random and malformed: nothing changes, nothing falls, and who is due an answer gets one."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from functools import partial
from pathlib import Path

import pytest

from edge.config import keys
from edge.service.request_handler import CHANGES
from tests.faults import fuzzing
from tests.faults.alongside import alongside
from tests.faults.rig import PREFIX, Rig
from tests.helpers.broker import Observer

FLOOD = int(os.environ.get("EMOTION_EDGE_COMMANDS", "8000"))  # a hundred thousand and more: scripts/soak --commands
AT_A_TIME = 2_000  # then a request in good order must be answered before it goes on
INPUTS = Path(__file__).parent / "inputs"


def nonsense(rng: random.Random) -> tuple[str, bytes]:
    """A topic that the service listens to, and a payload that must have no effect."""
    key = rng.choice([*keys.types(), "x.y", "decision.", "../../etc", "mqtt.host", "decision.enter"])
    topic = rng.choice([f"config/{key}/set", "privacy/set", f"request/{rng.choice(NAMES)}"])
    kind = rng.randrange(8)
    if kind == 0:
        payload = rng.randbytes(rng.randrange(1, 400))
    elif kind == 1:
        payload = b"[" * rng.randrange(1, 3_000)
    elif kind == 2:
        payload = b'{"value": ' * rng.randrange(1, 200)
    elif kind == 3:
        payload = json.dumps({"value": {"x": rng.random()}, "transaction": rng.randrange(2**63)}).encode()
    elif kind == 4:
        payload = json.dumps({"transaction": "t" * rng.randrange(300), "extra": [None] * rng.randrange(20)}).encode()
    elif kind == 5:
        payload = rng.choice([b"1e999", b"-1e999", b"NaN", b"nul", b"\xef\xbb\xbf1", b"\0", b"0x10", b"9" * 400])
    elif kind == 6:
        payload = json.dumps(rng.choice(["../../etc/passwd", "a" * 5_000, "\x00", "${HOME}", "%s%n"])).encode()
    else:
        payload = b'"' + rng.randbytes(rng.randrange(1, 100)) + b'"'
    return topic, payload


NAMES = ("no-such", "reset", "config", "x" * 80, "Info", "a b", "health", "..", "info")


@alongside()
def test_a_flood_of_nonsense(rig: Rig) -> None:
    rng = random.Random(3)
    service = rig.start(publish={"health_every_s": 2.0})
    rig.wait("reading")
    before = thresholds(rig)
    asker = Observer(rig.broker.port, f"{PREFIX}/response/health")
    rig.on_close(asker.close)
    assert f"{PREFIX}/config/decision.enter" in before
    memory = 0.0
    for number in range(FLOOD // AT_A_TIME):
        for _ in range(AT_A_TIME):
            topic, payload = nonsense(rng)
            if topic.startswith("request/re"):
                payload = b"\xff" + payload  # a valid reset or reload would be obeyed
            asker.send_quickly(f"{PREFIX}/{topic}", payload)
        answered(asker, f"flood-{number}")
        if number == FLOOD // AT_A_TIME // 4:
            memory = rig.resident_mb()
    grown = rig.resident_mb() - memory
    rig.next("reading")
    assert thresholds(rig) == before
    assert {m.payload for m in rig.observer.on(f"{PREFIX}/privacy")} == {b"OFF"}
    assert not (service.state / "overrides.toml").exists()
    assert grown < 8.0, f"memory grew by {grown:.1f} MB"
    assert service.log.stat().st_size < 200_000, "strangers fill the journal"
    assert "Traceback" not in rig.log()
    rig.drained()  # what the broker was too busy to acknowledge comes as backlog
    rig.ledger().check()
    assert service.stop() == 0


def thresholds(rig: Rig) -> dict[str, bytes]:
    """As they were told last."""
    told = [m for m in list(rig.observer.messages) if "/config/" in m.topic and not m.topic.endswith("/set")]
    return {m.topic: m.payload for m in told}


def answered(asker: Observer, transaction: str) -> None:
    """A request in good order; during a flood some are dropped, so it is asked again."""
    for _ in range(60):
        asker.send(f"{PREFIX}/request/health", json.dumps({"transaction": transaction}))
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            if any(m.json["transaction"] == transaction for m in asker.messages[-500:]):
                return
            time.sleep(0.02)
    raise AssertionError(f"no answer to {transaction}")


@alongside()
def test_each_refusal_is_told(rig: Rig) -> None:
    """Not faster than it is read, every wrong command with a transaction gets an error with the same one."""
    rng = random.Random(4)
    rig.start()
    rig.wait("reading")
    expected = set()
    for number in range(200):
        key = rng.choice(["decision.enter", "no.such", "mqtt.host", "face.prior", "privacy.quiet_hours", "log.level"])
        topic = rng.choice([f"config/{key}/set", "privacy/set", "request/no-such"])
        value = rng.choice([[], {}, "MAYBE", 17.5, True, {"a": {"b": 1}}])
        rig.observer.send(f"{PREFIX}/{topic}", json.dumps({"value": value, "transaction": number}))
        expected.add(number)
        if number % 20 == 19:
            rig.until(lambda: expected <= _refused(rig), "every refusal", 30)
    assert {m.payload for m in rig.observer.on("/config/decision.enter")} == {b"0.42"}


@alongside()
def test_too_many_changes_do_not_wear_out_the_card(rig: Rig) -> None:
    """A slider that runs wild, or a stranger: some changes are stored, then few; privacy can always be switched on."""
    burst, _ = CHANGES
    service = rig.start()
    rig.wait("reading")
    stored, file = set(), service.state / "overrides.toml"
    for number in range(burst + 100):
        command = {"value": 0.4 + number / 1000, "transaction": number}
        rig.observer.send(f"{PREFIX}/config/decision.enter/set", json.dumps(command))
        rig.until(partial(_told, rig, number), "an answer")
        stored.add(file.stat().st_mtime_ns)
    assert burst <= len(stored) <= burst + 20
    refused = [m.json for m in rig.observer.on("/response/config") if m.json["status"] == "error"]
    assert {each["error"] for each in refused} == {"too many changes at once; the next may come in 10 s"}
    assert rig.log().count("too many changes") == 1

    rig.observer.send(f"{PREFIX}/privacy/set", "ON")
    rig.wait("privacy", lambda m: m.payload == b"ON")
    before = (service.state / "privacy").stat().st_mtime_ns
    for number in range(1000, 1050):
        rig.observer.send(f"{PREFIX}/privacy/set", json.dumps({"value": "ON", "transaction": number}))
    rig.until(partial(_told, rig, 1049), "an answer")
    assert (service.state / "privacy").stat().st_mtime_ns == before


def _told(rig: Rig, transaction: int) -> bool:
    return any(m.json["transaction"] == transaction for m in rig.observer.messages if "/response/" in m.topic)


def _refused(rig: Rig) -> set[int]:
    answers = [m.json for m in rig.observer.messages if "/response/" in m.topic]
    return {answer["transaction"] for answer in answers if answer["status"] == "error"}


@pytest.mark.parametrize("target", fuzzing.TARGETS)
def test_what_fuzzing_found_and_began_with(target: str) -> None:
    for data in fuzzing.seeds(target):
        fuzzing.TARGETS[target](data)
    for path in sorted((INPUTS / target).glob("*")):
        fuzzing.TARGETS[target](path.read_bytes())
    shutil.rmtree(fuzzing.folder())
    fuzzing.folder.cache_clear()
