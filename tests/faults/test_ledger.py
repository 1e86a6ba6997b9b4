"""What the tests of faults hold against the service must be right itself."""

from __future__ import annotations

import json
from typing import Any

from edge.messages.numbering import iso
from tests.faults.ledger import Ledger

NOW = 1_800_000_000.0


def told(number: int) -> dict[str, Any]:
    return {"session": "s", "seq": number, "ts": iso(NOW), "clock": "synced"}


def heard(*messages: tuple[str, dict[str, Any]]) -> Ledger:
    ledger = Ledger()
    for topic, message in messages:
        ledger.take(topic, json.dumps(message).encode(), NOW)
    return ledger


def waited(number: int, topic: str, message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "backlog", {**told(number), "topic": topic, "payload": message}


def test_the_first_message_may_come_as_backlog_after_the_second() -> None:
    """A busy broker: the first waited so long for its turn that it went by way of the outbox."""
    ledger = heard(("summary", told(2)), waited(1, "summary", told(1)), ("summary", told(3)))
    ledger.check()
    assert ledger.count("summary") == 3
    assert ledger.doubles == 0


def test_a_first_message_that_never_came_is_missing() -> None:
    assert heard(("summary", told(2)), ("summary", told(3))).missing() == ["summary of s: 1 is missing, 3 came"]


def test_a_gap_is_missing() -> None:
    assert heard(("state", told(1)), ("state", told(3))).missing() == ["state of s: 2 is missing, 3 came"]


def test_the_same_again_is_a_double_and_may_not_differ() -> None:
    assert heard(("state", told(1)), ("state", told(1))).doubles == 1
    assert heard(("state", told(1)), ("state", {**told(1), "label": "happy"})).complaints


def test_live_messages_come_in_order() -> None:
    assert heard(("event", told(1)), ("event", told(3)), ("event", told(2))).complaints
