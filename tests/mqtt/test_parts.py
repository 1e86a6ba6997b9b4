"""The small rules: names, time, patience, quiet logs, a bounded inbox."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.device import identity
from edge.device.clock import synced, system_synced
from edge.device.identity import client_id, device_name, machine_id
from edge.messages.numbering import Stamp, iso
from edge.messages.payloads import EventPayload, ReadingPayload
from edge.mqtt.publish_queue import MAX_MESSAGES, PublishQueue, QueuedMessage
from edge.mqtt.retry import RetryPolicy
from edge.rate_limit import LogOnce

MACHINE = "0123456789abcdef0123456789abcdef"


def test_names_tell_machines_apart_and_do_not_tell_the_machine_id() -> None:
    name = device_name(None, MACHINE)
    assert re.fullmatch(r"edge-[0-9a-f]{8}", name)
    assert name == device_name(None, MACHINE) != device_name(None, MACHINE[::-1])
    assert name.removeprefix("edge-") not in MACHINE
    assert device_name("kitchen", MACHINE) == "kitchen"
    ids = {client_id(device, machine) for device in ("kitchen", "hall") for machine in (MACHINE, MACHINE[::-1], None)}
    assert len(ids) == 6
    assert all(re.fullmatch(r"[0-9A-Za-z-]{1,23}", each) for each in ids)


def test_a_machine_without_an_id_has_a_name_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_id()
    monkeypatch.setattr(identity, "_FILES", (tmp_path / "absent",))
    card = tmp_path / "net" / "eth0"
    card.mkdir(parents=True)
    (card / "address").write_text("02:00:00:00:00:01\n")
    (tmp_path / "net" / "a-loopback").mkdir()
    (tmp_path / "net" / "a-loopback" / "address").write_text("00:00:00:00:00:00\n")
    monkeypatch.setattr(identity, "_NETWORK", tmp_path / "net")
    assert machine_id() == "02:00:00:00:00:01"
    monkeypatch.setattr(identity, "_NETWORK", tmp_path / "absent")
    assert machine_id() is None
    assert device_name(None, None).startswith("edge-")


@pytest.mark.parametrize(
    ("wall", "kernel", "marker", "expected"),
    [
        (1_800_000_000.0, True, False, True),
        (1_800_000_000.0, False, True, True),
        (1_800_000_000.0, False, False, False),
        (1_800_000_000.0, None, False, True),
        (86_400.0, True, True, False),
    ],
)
def test_when_the_clock_is_trusted(wall: float, kernel: bool | None, marker: bool, expected: bool) -> None:
    assert synced(wall, kernel, marker) is expected


def test_this_machine_can_be_asked() -> None:
    assert system_synced() in (True, False)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert iso(1_800_000_000.25) == "2027-01-15T08:00:00.250Z"
    assert iso(0) == "1970-01-01T00:00:00.000Z"


def test_the_head_tells_when_it_was_captured(clock: Any) -> None:
    good = False
    stamp = Stamp("s", clock, lambda: good)
    captured = clock.monotonic()
    clock.pass_time(2.5)
    text, number = stamp.numbered("event", EventPayload(event="person_gone"), captured)
    told = msgspec.json.decode(text)
    assert number == 1
    assert told["ts"] == iso(clock.wall() - 2.5)
    assert (told["v"], told["clock"], told["session"], told["seq"]) == (1, "unsynced", "s", 1)

    good = True
    clock.offset += 1e6  # NTP answers
    corrected = stamp.corrected(told, captured)
    assert corrected["ts"] == iso(clock.wall() - 2.5)
    assert corrected["clock"] == "synced"
    assert {**corrected, "ts": "", "clock": ""} == {**told, "ts": "", "clock": ""}
    assert stamp.numbered("event", EventPayload(event="person_gone"), captured)[1] == 2
    stamp.give_back("event")
    assert stamp.numbered("event", EventPayload(event="person_gone"), captured)[1] == 2
    assert stamp.numbered("state", EventPayload(event="person_gone"), captured)[1] == 1


def test_patience_grows_to_a_limit_and_devices_do_not_come_all_at_once() -> None:
    pace = RetryPolicy()
    assert [pace.delay(failures, slow=False, chance=0.5) for failures in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pace.delay(10_000, slow=False, chance=1.0) == 75
    assert pace.delay(0, slow=True, chance=0.0) == 45
    assert pace.delay(0, slow=False, chance=0.1) != pace.delay(0, slow=False, chance=0.9)


def test_the_same_line_is_logged_once_an_hour(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    once = LogOnce(logging.getLogger("test"), clock)
    for _ in range(200):
        once.say(logging.WARNING, "no broker")
        clock.pass_time(36)  # two hours in all
    assert len(caplog.records) == 2
    once.say(logging.ERROR, "another thing")
    assert len(caplog.records) == 3
    for number in range(1000):
        once.say(logging.ERROR, f"{number}")
    assert len(caplog.records) <= 3 + 100  # not even if every line is another one
    clock.pass_time(3600)
    assert once.say(logging.ERROR, "1001")


def test_a_full_inbox_gives_up_readings_first(clock: Any) -> None:
    inbox = PublishQueue(clock)
    event = EventPayload(event="person_gone")
    reading = ReadingPayload(probabilities={}, label="sad", confidence=0, valence=0, arousal=0, people=0)
    inbox.publish(QueuedMessage("event", event, 0.0))
    inbox.publish(QueuedMessage("reading", reading, 1.0))
    inbox.publish(QueuedMessage("reading", reading, 2.0))
    for number in range(MAX_MESSAGES):
        inbox.publish(QueuedMessage("event", event, 10.0 + number))
    assert inbox.dropped == 3
    _, messages = inbox.take(0)
    assert len(messages) == MAX_MESSAGES
    assert {each.topic for each in messages} == {"event"}
    assert messages[0].captured == 10.0  # when no reading is left, the oldest goes


def test_forgetting_spares_what_tells_of_the_device(clock: Any) -> None:
    inbox = PublishQueue(clock)
    for topic in ("event", "reading", "privacy", "status/camera", "health", "response/info", "face/1", "config/a.b"):
        inbox.publish(QueuedMessage(topic, "", 0.0))
    inbox.forget()
    left = {each.topic for each in inbox.take(0)[1]}
    assert left == {"privacy", "status/camera", "health", "response/info", "config/a.b"}


def test_payloads_keep_their_order_of_fields() -> None:
    assert list(json.loads(msgspec.json.encode(EventPayload(event="person_gone"))))[:5] == [
        "v", "ts", "clock", "session", "seq",
    ]  # fmt: skip
