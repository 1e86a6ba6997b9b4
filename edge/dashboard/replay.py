"""What the recent past would have been under other thresholds: the real decision over remembered readings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.config import schema
from edge.emotion.decision import begin, decide
from edge.readings import Probabilities, Reading

STEP_S = 0.25  # decisions between two readings, as the service takes them too
CURVE_S = 1.0


@dataclass(frozen=True, slots=True)
class Point:
    """A fused reading as it was published."""

    time: float
    probabilities: Probabilities
    until: float  # evidence is too old after this


@dataclass(frozen=True, slots=True)
class Replayed:
    """States, and the smoothed probability of the most probable label, which the thresholds are compared with."""

    spans: tuple[tuple[float, str], ...]  # from when on which state
    curve: tuple[tuple[float, float, int] | tuple[float, None, None], ...]  # when, how probable, which of LABELS


def replay(points: Iterable[Point], settings: schema.DecisionConfig, start: float, end: float) -> Replayed:
    """From `start` to `end`. Points before `start` only help to begin in the right state."""
    known = [point for point in points if point.time < end]
    first = min([start, *(point.time for point in known)])
    memory = begin(first)
    spans: list[tuple[float, str]] = []
    curve: list[tuple[float, float, int] | tuple[float, None, None]] = []
    for now, point in _steps(known, first, end):
        memory = decide(memory, as_reading(point, now), now, settings)
        if now < start:
            continue
        if not spans or spans[-1][1] != memory.state.label:
            spans.append((now if spans else start, memory.state.label))
        if not curve or now - curve[-1][0] >= CURVE_S:
            if memory.evidence is None:
                curve.append((now, None, None))
            else:
                top = max(memory.smoothed)
                curve.append((now, round(top, 3), memory.smoothed.index(top)))
    return Replayed(tuple(spans), tuple(curve))


def _steps(points: list[Point], first: float, end: float) -> Iterable[tuple[float, Point | None]]:
    """Every moment at which something is decided, and the newest reading then."""
    now, index = first, 0
    newest: Point | None = None
    while now < end:
        while index < len(points) and points[index].time <= now:
            newest = points[index]
            index += 1
        yield now, newest
        following = points[index].time if index < len(points) else end
        now = min(now + STEP_S, max(following, now + 1e-3))


def as_reading(point: Point | None, now: float) -> Reading | None:
    """What the decision sees of `point` at `now`: nothing once it is too old."""
    if point is None or now >= point.until:
        return None
    return Reading(point.time, point.probabilities, 0.0, 0.0, max(point.probabilities), 1)
