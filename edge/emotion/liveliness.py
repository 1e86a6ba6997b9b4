"""How lively somebody usually talks: what their voice rises to without anything being felt.

Some people read and talk with much expression, and to a model their livelier sentences sound like a feeling. While
somebody talks, the heights that feelings rise to above neutral are remembered, and a feeling must rise above what is
usual for this voice, as a radar wants more of an echo where there is much clutter. What was high for most of several
seconds is a feeling that lasts, and no habit: it is not remembered. A few hundred numbers, in memory only.

A pure function of evidence and time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

USUAL = 0.93  # of the time of talk is below what counts as usual
_MOST = 2.0  # nats by which liveliness may speak for neutral: a plain feeling stays one
_KNOWN_S = 20.0  # of talk, until it counts in full
_MEMORY_S = 120.0  # of talk
_WAIT_S = 10.0  # of talk, in which a feeling is told from an excursion
_LASTS = 0.5  # of that time, above which it is a feeling that lasts
_STEP_S = 1.0  # time between two readings that counts, at most

Heights = tuple[tuple[float, float], ...]  # by how much a feeling led, and for how many seconds; oldest first


@dataclass(frozen=True, slots=True)
class Liveliness:
    """What is known of one voice."""

    usual: float = 0.0  # nats that neutral deserves because this voice is lively
    heights: Heights = ()
    waiting: Heights = ()  # the last seconds, that are not judged yet
    time: float | None = None  # of the last reading


def observe(liveliness: Liveliness, lead: float, now: float) -> Liveliness:
    """After a reading in which the strongest feeling exceeds neutral by `lead`. Time that runs backwards is ignored."""
    if liveliness.time is None:
        return Liveliness(time=now)
    if now <= liveliness.time:
        return liveliness
    waiting = (*liveliness.waiting, (lead, min(now - liveliness.time, _STEP_S)))
    heights = liveliness.heights
    while _seconds(waiting) > _WAIT_S:
        high = _seconds([one for one in waiting if one[0] > liveliness.usual])
        if high <= _LASTS * _seconds(waiting):
            heights = (*heights, waiting[0])
        waiting = waiting[1:]
    while _seconds(heights) > _MEMORY_S:
        heights = heights[1:]
    return Liveliness(_usual(heights), heights, waiting, now)


def _seconds(heights: Iterable[tuple[float, float]]) -> float:
    return math.fsum(each for _, each in heights)


def _usual(heights: Heights) -> float:
    """What all but a small share of the time was below; the less, the shorter that time is."""
    seconds, below = _seconds(heights), 0.0
    for height, each in sorted(heights):
        below += each
        if below >= USUAL * seconds:
            return min(max(height, 0.0), _MOST) * min(seconds / _KNOWN_S, 1.0)
    return 0.0
