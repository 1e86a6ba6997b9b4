"""A job for many devices, in waves: first a few, then a share at a time, and an end where too many fail.

What is decided here is decided from what devices report; asking and telling come as functions.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from edge.messages.job import FINAL

GOOD = "done"
TIMED_OUT = "timed out"
NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a job goes through a fleet."""

    canary: int = 1  # devices of the first wave
    percent: float = 25.0  # of all devices in each of the others
    percent_a_minute: float = 0.0  # in place of `percent`: one wave, in which devices begin at this rate
    errors: int = 0  # more than so many, and it stops
    deadline_s: float = 1_800.0  # for one device: if it has not ended by then it counts as an error


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a device says about its last job."""

    job: str
    state: str
    reason: str = ""


@dataclass
class Outcome:
    """How it ended, for each device, and why it stopped if it did."""

    devices: dict[str, JobStatus] = field(default_factory=dict)
    waves: int = 0  # that were begun
    begun: int = 0  # devices that had their turn
    stopped: str = ""

    @property
    def errors(self) -> dict[str, JobStatus]:
        return {name: said for name, said in self.devices.items() if said.state not in (GOOD, NOT_STARTED)}


def waves(devices: Sequence[str], plan: Plan) -> list[list[str]]:
    """The devices in the order of their turn."""
    canary = max(1, min(plan.canary, len(devices)))
    share = 100.0 if plan.percent_a_minute else plan.percent
    each = max(1, math.ceil(len(devices) * share / 100.0))
    rest = devices[canary:]
    return [list(devices[:canary]), *(list(rest[at : at + each]) for at in range(0, len(rest), each))]


def apart_s(number: int, devices: int, plan: Plan) -> float:
    """Seconds from one device's turn to the next in the wave of that number; 0: all of it at once."""
    if number == 0 or not plan.percent_a_minute:
        return 0.0
    return 60.0 * 100.0 / (plan.percent_a_minute * devices)


def roll_out(
    job: str,
    devices: Sequence[str],
    plan: Plan,
    *,
    order: Callable[[str, bool], None],
    states: Callable[[], Mapping[str, JobStatus]],
    approve: Callable[[int, list[str]], bool] = lambda _wave, _devices: True,
    note: Callable[[int, str, JobStatus], None] = lambda _wave, _device, _said: None,
    pause: Callable[[float], object] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Wave after wave. `order` gives a device the job, or takes it back (False); `states` is what all of them say."""
    outcome = Outcome({name: JobStatus(job, NOT_STARTED) for name in devices})
    for number, names in enumerate(waves(devices, plan)):
        if not names:
            break
        if not approve(number, names):
            outcome.stopped = f"wave {number} was not approved"
            break
        outcome.waves += 1
        wave = _Wave(job, number, names, apart_s(number, len(devices), plan), plan, outcome, order, note)
        began = monotonic()
        try:
            while wave.goes_on(monotonic() - began, states):
                pause(1.0)
        except KeyboardInterrupt:
            wave.end("taken back, because the roll-out was interrupted")
            outcome.stopped = "interrupted"
            break
        if wave.too_many:
            first, said = next(iter(outcome.errors.items()))
            outcome.stopped = (
                f"{len(outcome.errors)} of {outcome.begun} devices failed, {plan.errors} may; "
                f"{first}: {said.state}{f', {said.reason}' if said.reason else ''}"
            )
            break
    return outcome


@dataclass
class _Wave:
    """Devices whose turn comes, at once or one after the other, and those whose end is awaited."""

    job: str
    number: int
    names: list[str]
    apart_s: float
    plan: Plan
    outcome: Outcome
    order: Callable[[str, bool], None]
    note: Callable[[int, str, JobStatus], None]

    def __post_init__(self) -> None:
        self._turns = deque((index * self.apart_s, name) for index, name in enumerate(self.names))
        self._waiting: dict[str, float] = {}  # when the time of each is over

    @property
    def too_many(self) -> bool:
        return len(self.outcome.errors) > self.plan.errors

    def goes_on(self, now: float, states: Callable[[], Mapping[str, JobStatus]]) -> bool:
        """Look once, so many seconds after it began. It ends with its last device, or when too many have failed."""
        while self._turns and self._turns[0][0] <= now:
            name = self._turns.popleft()[1]
            self.order(name, True)
            self.outcome.begun += 1
            self._waiting[name] = now + self.plan.deadline_s
        said = states()
        for name in sorted(self._waiting):
            state = said.get(name)
            if state is not None and state.state in FINAL and state.job == self.job:
                self._end(name, state)
        late = f"nothing was heard of it within {self.plan.deadline_s:.0f} s"
        if not self.too_many:
            self._take_back([name for name, over in self._waiting.items() if over <= now], TIMED_OUT, late)
        if self.too_many:
            self.end("taken back, because others failed")
            return False
        return bool(self._turns or self._waiting)

    def end(self, why: str) -> None:
        """Take the job back from all that have it and have not ended."""
        self._take_back(list(self._waiting), NOT_STARTED, why)

    def _take_back(self, names: list[str], state: str, why: str) -> None:
        for name in sorted(names):
            self.order(name, False)
            self._end(name, JobStatus(self.job, state, why))

    def _end(self, name: str, said: JobStatus) -> None:
        self.outcome.devices[name] = said
        self._waiting.pop(name, None)
        self.note(self.number, name, said)
