"""What an independent subscriber holds against the service: numbers without gaps, order, doubles, and age."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edge.messages.topics import LIVE_AGE_S, TOPICS

KEPT = tuple(name for name, topic in TOPICS.items() if topic.keep)
RECENT = 2_000  # messages whose doubles are compared
LIVE = (*KEPT, "reading", "health")


@dataclass
class _Run:
    """The numbers of one topic of one session, so that a day of them takes no more room than an hour."""

    first: int  # that is to come
    up_to: int = field(init=False)  # everything from the first to here came
    ahead: set[int] = field(default_factory=set)
    last: dict[str, int] = field(default_factory=dict)  # by way: live or backlog

    def __post_init__(self) -> None:
        self.up_to = self.first - 1

    def take(self, number: int) -> bool:
        """Whether it is new. What waited in the outbox may come after what was sent live, the first number too."""
        if number <= self.up_to or number in self.ahead:
            return False
        self.ahead.add(number)
        while self.up_to + 1 in self.ahead:
            self.up_to += 1
            self.ahead.remove(self.up_to)
        return True


class Ledger:
    """Takes each message of one device in the order of arrival. `complaints` stays empty while all is as promised.

    The observer was there before the service, so numbers begin with 1. Without `ages` nothing is said of age: the
    clocks of the two differ.
    """

    def __init__(self, *, ages: bool = True) -> None:
        self.complaints: list[str] = []
        self.doubles = 0
        self.received: dict[str, int] = defaultdict(int)
        self.oldest = 0.0  # age of the oldest live message
        self._ages = ages
        self._recent: dict[tuple[str, str, int], str] = {}
        self._runs: dict[tuple[str, str], _Run] = {}

    def take(self, topic: str, payload: bytes, at: float, *, retained: bool = False) -> None:
        """`topic` below base and device, `at` the wall time of arrival."""
        kind = topic.split("/", 1)[0]
        if retained or topic.endswith("/set") or kind not in {*LIVE, "backlog"}:
            return
        message = json.loads(payload)
        self.received[kind] += 1
        if kind == "backlog":
            self._number("backlog", "backlog", message)
            self._number(message["topic"], "backlog", message["payload"])
            return
        if self._ages:
            age = at - epoch(message["ts"])
            self.oldest = max(self.oldest, age)
            if age > LIVE_AGE_S:
                self.complaints.append(f"{topic} {message['seq']} was {age:.1f} s old when it came")
        if kind in KEPT:
            self._number(kind, "live", message)

    def missing(self) -> list[str]:
        """Numbers that never came, of what the outbox keeps."""
        found = []
        for (session, topic), run in self._runs.items():
            if run.ahead:
                found.append(f"{topic} of {session}: {run.up_to + 1} is missing, {max(run.ahead)} came")
        return found

    def count(self, topic: str) -> int:
        """How many different messages came, live or as backlog, of all sessions."""
        return sum(run.up_to - run.first + 1 + len(run.ahead) for (_, name), run in self._runs.items() if name == topic)

    def check(self) -> None:
        """AssertionError with everything that is not as promised."""
        wrong = self.complaints + self.missing()
        assert not wrong, "\n".join(wrong[:20])

    def _number(self, topic: str, way: str, message: dict[str, Any]) -> None:
        number = message["seq"]
        run = self._runs.setdefault((message["session"], topic), _Run(number if topic == "backlog" else 1))
        known = self._recent.get((message["session"], topic, number))
        if not run.take(number):
            self.doubles += 1
            if known not in (None, _told(message)):
                self.complaints.append(f"{topic} {number} came twice and differs")
            return
        self._recent[message["session"], topic, number] = _told(message)
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        if number < run.last.get(way, 0):
            self.complaints.append(f"{topic} {number} came {way} after {run.last[way]}")
        run.last[way] = number


def audited(messages: Iterable[Any], prefix: str, *, ages: bool = True) -> Ledger:
    """A ledger of what `tests.helpers.broker.Observer` heard."""
    ledger = Ledger(ages=ages)
    for message in list(messages):
        ledger.take(message.topic.removeprefix(prefix + "/"), message.payload, message.at, retained=message.retained)
    return ledger


def _told(message: dict[str, Any]) -> str:
    """All but the time, which is put right when the clock is."""
    return json.dumps({key: value for key, value in message.items() if key not in {"ts", "clock"}}, sort_keys=True)


def epoch(ts: str) -> float:
    return datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp()
