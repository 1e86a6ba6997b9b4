"""An hour of states and events, some minutes of readings: in memory only, and bounded."""

from __future__ import annotations

from collections import deque
from typing import Any

from edge.dashboard.replay import Point

HOUR_S = 3_600.0
READINGS_S = 390.0  # what thresholds are tried on, with some more to settle in
TRAIL_S = 60.0
_SHOWN_EVENTS = 300


class PastHour:
    """Every time is monotonic seconds."""

    def __init__(self) -> None:
        self.readings: deque[Point] = deque(maxlen=4_000)
        self.spans: deque[tuple[float, str]] = deque(maxlen=4_000)  # from when on which state
        self.events: deque[dict[str, Any]] = deque(maxlen=1_000)
        self._curve: deque[tuple[float, float]] = deque(maxlen=4_000)  # the probability that the thresholds look at
        self._trail: deque[tuple[float, float, float]] = deque(maxlen=1_000)  # valence and arousal

    def add(self, point: Point, strongest: float, valence: float, arousal: float) -> None:
        """A reading, the probability of its strongest emotion once smoothed, and where it lies."""
        self.readings.append(point)
        self._curve.append((point.time, strongest))
        self._trail.append((point.time, valence, arousal))
        self._expire(point.time)

    def begin(self, label: str, at: float) -> None:
        """From `at` on it is so; what was said of the time after it is taken back."""
        if self.spans and self.spans[-1][1] == label:
            return
        if self.spans:
            at = max(at, self.spans[-1][0])
        self.spans.append((at, label))

    def forget(self) -> None:
        """All of it."""
        for memory in (self.readings, self._curve, self.spans, self.events, self._trail):
            memory.clear()

    def snapshot(self, now: float) -> dict[str, Any]:
        """What somebody who begins to look is shown."""
        self._expire(now)
        return {
            "trail": [point for point in self._trail if now - point[0] < TRAIL_S],
            "curve": list(self._curve),
            "spans": list(self.spans),
            "events": list(self.events)[-_SHOWN_EVENTS:],
        }

    def _expire(self, now: float) -> None:
        while self.readings and now - self.readings[0].time > READINGS_S:
            self.readings.popleft()
        while self._curve and now - self._curve[0][0] > READINGS_S:
            self._curve.popleft()
        while len(self.spans) > 1 and now - self.spans[1][0] > HOUR_S:
            self.spans.popleft()
        while self.events and now - self.events[0]["at"] > HOUR_S:
            self.events.popleft()
        while self._trail and now - self._trail[0][0] > TRAIL_S:
            self._trail.popleft()
