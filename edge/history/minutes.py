"""A minute in a few whole numbers, gathered from the summaries that are published. Nothing about single people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from edge.messages.payloads import SummaryPayload
from edge.readings import ABSENT, LABELS, UNCERTAIN, circumplex

STATES = (*LABELS, UNCERTAIN, ABSENT)
MINUTE_S = 60.0
_NEARLY_S = 1.0  # a summary is due every minute and comes with the next decision: it may be a little shorter


class Minute(NamedTuple):
    """About a minute, or a whole summary where those are longer. Times are tenths of a second."""

    begin: int  # seconds of the epoch
    watched: int
    people: int  # the sum of everybody's time in view
    most: int  # people at once
    states: tuple[int, ...]  # time in each of STATES
    shares: tuple[int, ...] | None  # thousandths, of LABELS; None: nobody was seen or heard


class Total(NamedTuple):
    """The same of a longer time, but for the shares."""

    watched: int
    people: int
    most: int
    states: tuple[int, ...]


NOTHING = Total(0, 0, 0, (0,) * len(STATES))


def add(one: Total, other: Total) -> Total:
    """Both together."""
    states = tuple(a + b for a, b in zip(one.states, other.states, strict=True))
    return Total(one.watched + other.watched, one.people + other.people, max(one.most, other.most), states)


def total_of(minute: Minute) -> Total:
    """One minute alone."""
    return Total(minute.watched, minute.people, minute.most, minute.states)


def mean_people(watched: int, people: int) -> float:
    """How many were in view, on average."""
    return people / watched if watched else 0.0


class Gathered(NamedTuple):
    """Summaries of one minute, not yet with a time of day."""

    end: float  # monotonic
    summaries: tuple[SummaryPayload, ...]

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.summaries)

    @property
    def whole(self) -> bool:
        return self.seconds >= MINUTE_S - _NEARLY_S


def joined(before: Gathered | None, summary: SummaryPayload, end: float) -> Gathered:
    """`summary`, which ended at `end`, with what was gathered of the same minute."""
    return Gathered(end, (*(before.summaries if before else ()), summary))


def minute(gathered: Gathered, end: float) -> Minute:
    """As it is stored; `end` is the time of day at its end."""
    summaries = gathered.summaries
    seconds = gathered.seconds
    return Minute(
        begin=round(end - seconds),
        watched=_tenths(seconds),
        people=_tenths(sum(each.people_mean * each.seconds for each in summaries)),
        most=max((each.people_max for each in summaries), default=0),
        states=tuple(_tenths(sum(each.time_in_state_s.get(state, 0.0) for each in summaries)) for state in STATES),
        shares=_shares(summaries),
    )


def valence_arousal(shares: tuple[int, ...]) -> tuple[float, float]:
    """Where a minute lies between unpleasant and pleasant, calm and excited."""
    whole = sum(shares) or 1
    return circumplex(tuple(share / whole for share in shares))


def _shares(summaries: Iterable[SummaryPayload]) -> tuple[int, ...] | None:
    felt = [(each.probabilities, each.seconds) for each in summaries if each.probabilities is not None]
    seconds = sum(lasted for _, lasted in felt)
    if seconds <= 0.0:
        return None
    return tuple(round(1000 * sum(p.get(label, 0.0) * lasted for p, lasted in felt) / seconds) for label in LABELS)


def _tenths(seconds: float) -> int:
    return round(10 * seconds)
