"""Recordings in real time: from positions in a recording to the clock of now, pass after pass without a gap."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, TypeVar

from edge.readings import Frame, Sound

T = TypeVar("T", Frame, Sound)

LATE_S = 0.5  # a machine too slow for real time plays slower rather than falling behind for ever


class PlaybackClock(Generic[T]):
    """Places the items of one source on the clock and numbers frames through all openings."""

    def __init__(self, *, real_time: bool) -> None:
        self.real_time = real_time
        self._start = 0.0  # on the clock, of position 0
        self._end = 0.0  # position where the last item ends
        self._last = 0.0
        self._next_start: float | None = None
        self._number = 0
        self._count = 0

    @property
    def empty(self) -> bool:
        """Nothing came since the source was opened."""
        return self._count == 0

    def opened(self, now: float) -> None:
        """A pass begins: where the one before ended, or now."""
        planned = self._next_start
        self._start = planned if planned is not None and abs(planned - now) < LATE_S else now
        self._next_start = None
        self._count = 0
        self._last = self._end = 0.0

    def ended(self) -> None:
        """The recording is over; the next pass follows on."""
        self._next_start = self._start + self._end

    def placed(self, item: T, now: float) -> tuple[float, T]:
        """When `item` is due, and itself with the time of the clock."""
        position = item.end if isinstance(item, Sound) else item.time  # sound is had when its last sample is
        if not self.real_time or now - (self._start + position) > LATE_S:
            self._start = now - position
        # A frame lasts as long as the one before it.
        self._end = position if isinstance(item, Sound) else position + max(0.0, position - self._last)
        self._last = position
        return self._start + position, self.numbered(replace(item, time=self._start + item.time))

    def numbered(self, item: T) -> T:
        """Frames get a number that never goes back."""
        self._count += 1
        if isinstance(item, Sound):
            return item
        self._number += 1
        return replace(item, number=self._number)
