"""The resting face: what the model says of one person while they feel nothing in particular.

Faces differ at rest: one looks sad, another angry. While somebody is watched, the evidence of their quiet moments is
averaged, and feelings are read as what differs from it. Seven numbers a track, in memory only, gone with the track.

A pure function of evidence and time. It learns within seconds at first and slowly later. Moments in which a feeling
leads do not count, unless they go on for so long that they must be how this face looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.emotion.evidence import NEUTRAL, NONE, Evidence, lead, total

KNOWN_S = 4.0  # seconds of rest after which the resting face counts as known
LASTING_S = 900.0  # a look that has not changed for so long is how this face looks
_WORTH_S = 1.0  # seconds of watching that the average person's rest weighs as much as
_MEMORY_S = 120.0  # of rest: what was before that counts less and less
_STEP_S = 1.0  # time between two readings that counts, at most
_FAR = 2.5  # nats: nothing moves the average by more at once
_STRANGE, _FAMILIAR = 3.0, 0.0  # lead of a feeling up to which it may be rest: of a stranger, of somebody known
_SOFT = 1.0  # nats below that until such a moment counts in full
_MOST = 3.0  # nats by which rest may count against neutral: a plainly neutral face stays neutral whatever was before


@dataclass(frozen=True, slots=True)
class Rest:
    """What is known of one face at rest."""

    baseline: Evidence  # of this person
    only_against: bool = False  # rest speaks against feelings alone, never for one
    seconds: float = 0.0  # of rest that it was learned from
    watched: float = 0.0  # seconds of anything that was seen well
    time: float | None = None  # of the readings that wait
    waiting: tuple[tuple[Evidence, float], ...] = ()  # evidence and quality at that moment
    felt_since: float | None = None  # since when a feeling has been leading

    @property
    def known(self) -> bool:
        return self.seconds >= KNOWN_S

    @property
    def familiar(self) -> float:
        """0 for a face that was never seen before, 1 once it has been watched for a while."""
        return min(self.watched / KNOWN_S, 1.0)

    def without(self, evidence: Evidence, share: float) -> Evidence:
        """The evidence beyond what this face says at rest; `share` 0..1 of that is taken off."""
        return total([(evidence, 1.0), (bounded(self.baseline, only_against=self.only_against), -share)])


def begin(population: Evidence = NONE, *, only_against: bool = False) -> Rest:
    """Nothing is known yet but what most people look like at rest."""
    return Rest(population, only_against)


def observe(rest: Rest, evidence: Evidence, quality: float, now: float, *, share: float, neutral: float) -> Rest:
    """The rest after a reading. Readings of one instant count together, in whatever order they come.

    `neutral` is what a face at rest counts for neutral. Time that runs backwards changes nothing.
    """
    if rest.time is None:
        return replace(rest, time=now, waiting=((evidence, quality),))
    if now < rest.time:
        return rest
    if now == rest.time:
        return replace(rest, waiting=tuple(sorted((*rest.waiting, (evidence, quality)))))
    learned = _learned(rest, min(now - rest.time, _STEP_S), share, neutral)
    return replace(learned, time=now, waiting=((evidence, quality),))


def bounded(baseline: Evidence, *, only_against: bool = False) -> Evidence:
    """The part of a baseline that is taken off: nothing that would make neutral impossible.

    `only_against`: nor anything that would speak for a feeling, by being unlike it or by being neutral at rest.
    """
    if only_against:
        return tuple(min(value, 0.0) if label == NEUTRAL else max(value, 0.0) for label, value in enumerate(baseline))
    least = baseline[NEUTRAL] - _MOST
    return tuple(max(value, least) for value in baseline)


def _learned(rest: Rest, seconds: float, share: float, neutral: float) -> Rest:
    """What waits has been going on for so many seconds."""
    assert rest.time is not None  # noqa: S101 - for the type checker; the caller has asked
    count = len(rest.waiting)
    said = total([(evidence, 1.0 / count) for evidence, _ in rest.waiting])
    quality = math.fsum(quality for _, quality in rest.waiting) / count
    beyond = lead(rest.without(said, share)) - neutral
    felt_since = None if beyond <= 0.0 else rest.time if rest.felt_since is None else rest.felt_since
    lasting = felt_since is not None and rest.time - felt_since >= LASTING_S
    resting = 1.0 if lasting else _resting(beyond, rest.seconds)
    worth = seconds * resting * quality
    rate = worth / (_WORTH_S + rest.seconds + worth)
    return replace(
        rest,
        baseline=_moved(rest.baseline, said, rate),
        seconds=min(rest.seconds + worth, _MEMORY_S),
        watched=min(rest.watched + seconds * quality, _MEMORY_S),
        felt_since=felt_since,
    )


def _resting(beyond: float, seconds: float) -> float:
    """0..1: may a moment in which a feeling leads by so much be one of rest?"""
    known = min(seconds / KNOWN_S, 1.0)
    limit = _STRANGE + known * (_FAMILIAR - _STRANGE)
    return min(max((limit - beyond) / _SOFT, 0.0), 1.0)


def _moved(baseline: Evidence, towards: Sequence[float], rate: float) -> Evidence:
    return tuple(b + rate * min(max(e - b, -_FAR), _FAR) for b, e in zip(baseline, towards, strict=True))
