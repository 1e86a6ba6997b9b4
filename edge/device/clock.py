"""Time as a parameter: monotonic for ages and windows, wall for what is published; is wall right; counts by the day."""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from typing import Protocol

DAY_S = 86_400
PLAUSIBLE = 1_704_067_200.0  # 2024-01-01: a board without a battery clock starts before it, until NTP answers
_MARKER = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR = 5  # what adjtimex returns while the kernel's clock is not synchronised
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; all zeros asks without changing anything


class Clock(Protocol):
    """What the service asks about time; tests and replay bring their own."""

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch, as right as the device knows."""
        ...


class SystemClock:
    """The device's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class DailyCount:
    """Counts within a day (UTC), from nothing again each midnight. One thread at a time adds; any may read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counted = (0, 0)  # the day and its count: replaced together, so that nobody reads one without the other

    def add(self, count: int) -> None:
        self._counted = (self._day(), self.today + count)

    @property
    def today(self) -> int:
        day, count = self._counted
        return count if day == self._day() else 0

    def _day(self) -> int:
        return int(self._clock.wall() // DAY_S)


def synced(wall: float, kernel: bool | None, marker: bool) -> bool:
    """The rule. `kernel` is None where nobody can be asked; `marker` is systemd-timesyncd's word."""
    return wall >= PLAUSIBLE and (marker or kernel is not False)


def system_synced() -> bool:
    """The rule, asked of this machine."""
    return synced(time.time(), _kernel_synced(), _MARKER.exists())


def _kernel_synced() -> bool | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
