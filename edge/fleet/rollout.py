"""A job for many devices, in waves: first a few, then a share at a time, and an end where too many fail.

What is decided here is decided from what devices report; asking and telling come as functions.
"""

from __future__ import annotations

import math
import time
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
    errors: int = 0  # more than so many, and it stops
    deadline_s: float = 1_800.0  # for one wave: who has not ended by then counts as an error


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
    stopped: str = ""

    @property
    def errors(self) -> dict[str, JobStatus]:
        return {name: said for name, said in self.devices.items() if said.state not in (GOOD, NOT_STARTED)}


def waves(devices: Sequence[str], plan: Plan) -> list[list[str]]:
    """The devices in the order of their turn."""
    canary = max(1, min(plan.canary, len(devices)))
    each = max(1, math.ceil(len(devices) * plan.percent / 100.0))
    rest = devices[canary:]
    return [list(devices[:canary]), *(list(rest[at : at + each]) for at in range(0, len(rest), each))]


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
    for number, wave in enumerate(waves(devices, plan)):
        if not wave:
            break
        if not approve(number, wave):
            outcome.stopped = f"wave {number} was not approved"
            break
        outcome.waves += 1
        for device in wave:
            order(device, True)
        _wait(job, number, wave, plan, outcome, order, states, note, pause, monotonic)
        if len(outcome.errors) > plan.errors:
            first, said = next(iter(outcome.errors.items()))
            outcome.stopped = (
                f"{len(outcome.errors)} of {sum(map(len, waves(devices, plan)[: number + 1]))} devices failed, "
                f"{plan.errors} may; {first}: {said.state}{f', {said.reason}' if said.reason else ''}"
            )
            break
    return outcome


def _wait(  # noqa: PLR0917
    job: str,
    number: int,
    wave: list[str],
    plan: Plan,
    outcome: Outcome,
    order: Callable[[str, bool], None],
    states: Callable[[], Mapping[str, JobStatus]],
    note: Callable[[int, str, JobStatus], None],
    pause: Callable[[float], object],
    monotonic: Callable[[], float],
) -> None:
    """Until every device of the wave has ended, or too many failed, or the time is over."""
    waiting, end = set(wave), monotonic() + plan.deadline_s
    while waiting:
        said = states()
        for device in sorted(waiting):
            now = said.get(device)
            if now is not None and now.state in FINAL and now.job == job:
                outcome.devices[device] = now
                note(number, device, now)
                waiting.discard(device)
        too_many = len(outcome.errors) > plan.errors
        if waiting and (too_many or monotonic() >= end):
            why = JobStatus(job, TIMED_OUT, f"nothing was heard of it within {plan.deadline_s:.0f} s")
            for device in sorted(waiting):
                order(device, False)
                ended = JobStatus(job, NOT_STARTED, "taken back, because others failed") if too_many else why
                outcome.devices[device] = ended
                note(number, device, ended)
            return
        if waiting:
            pause(1.0)
