"""The outbox under everything at once: delivery, expiry, purge, restart, and a clock that becomes right late."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.config import schema
from edge.mqtt.outbox import EXPIRE_EVERY_S, Outbox
from edge.mqtt.store import Row

HOUR = 3600.0
MAX_AGE_H = 24.0
BOOTED_IN = 1_000_000.0  # the wall clock of a device without a battery, until NTP answers
NOW = 1_800_000_000.0


class Clock:
    """`real` is the true time; the device knows it only once it has asked."""

    def __init__(self) -> None:
        self.real = NOW
        self.booted = NOW
        self.synced = True

    def monotonic(self) -> float:
        return self.real - self.booted

    def wall(self) -> float:
        return self.real if self.synced else BOOTED_IN + self.monotonic()

    def trusted_wall(self) -> float | None:
        return self.wall() if self.synced else None


class OutboxMachine(RuleBasedStateMachine):
    """Compares the outbox with a plain list of what should wait."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="outbox-")
        self.clock = Clock()
        self.number = 0
        self.born: dict[bytes, float] = {}  # by text: the true time of each message
        self.waiting: list[bytes] = []
        self.under_way: list[Row] = []  # handed to the broker, not acknowledged yet
        self.expired = 0
        self.session = 0
        self.outbox = self.start()

    def start(self) -> Outbox:
        self.session += 1
        file = Path(self.folder.name) / "outbox.sqlite"
        outbox = Outbox(file, schema.OutboxConfig(max_age_h=MAX_AGE_H), f"s{self.session}", self.clock)
        outbox.find_earlier()
        self.expired = 0
        return outbox

    def texts(self) -> list[bytes]:
        return [row.text for row in self.outbox.after(0, 10_000)]

    @rule(count=st.integers(1, 5))
    def add(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            text = b"%d" % self.number
            self.outbox.add(3, "event", text, self.clock.monotonic(), (self.clock.wall(), self.clock.synced))
            self.born[text] = self.clock.real
            self.waiting.append(text)

    @rule()
    def commit(self) -> None:
        self.outbox.commit()

    @rule(count=st.integers(1, 10))
    def hand_over(self, count: int) -> None:
        """What is handed over is still waiting: the broker may die with it."""
        known = {row.id for row in self.under_way}
        self.under_way += [row for row in self.outbox.after(0, count) if row.id not in known]

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        """In any order, twice if it likes, and also what has expired or was purged by now."""
        row = data.draw(st.sampled_from(self.under_way))
        self.outbox.delivered(row.id)
        if row.text in self.waiting:
            self.waiting.remove(row.text)

    @rule(hours=st.floats(0.0, 30.0))
    def pass_time(self, hours: float) -> None:
        self.clock.real += hours * HOUR
        self.tick()

    @rule()
    def tick(self) -> None:
        """Only what is truly old may go."""
        self.outbox.tick(self.clock.trusted_wall())
        left = self.texts()
        gone = [text for text in self.waiting if text not in left]
        assert all(self.clock.real - self.born[text] > MAX_AGE_H * HOUR for text in gone)
        self.waiting = [text for text in self.waiting if text in left]
        self.expired += len(gone)

    @rule()
    def ntp_answers(self) -> None:
        self.clock.synced = True

    @rule()
    def everything_old_expires(self) -> None:
        self.clock.synced = True
        self.clock.real += EXPIRE_EVERY_S
        self.tick()
        synced = {row.text for row in self.outbox.after(0, 10_000) if row.synced}
        assert all(self.clock.real - self.born[text] <= MAX_AGE_H * HOUR for text in synced)

    @rule()
    def purge(self) -> None:
        self.outbox.purge()
        self.waiting.clear()

    @rule(hours=st.floats(0.0, 60.0), clock_survives=st.booleans())
    def power_cut_or_restart(self, hours: float, clock_survives: bool) -> None:
        self.outbox.close()
        self.clock.real += hours * HOUR
        if not clock_survives:
            self.clock.booted = self.clock.real
            self.clock.synced = False
        self.under_way.clear()
        self.outbox = self.start()

    @invariant()
    def holds_what_it_should(self) -> None:
        assert self.texts() == self.waiting
        assert len(self.outbox) == len(self.waiting)
        assert self.outbox.dropped == self.expired
        assert not self.outbox.trouble

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
