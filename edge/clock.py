"""Time as a parameter: monotonic for ages and windows, wall only for what is published."""

from __future__ import annotations

import time
from typing import Protocol


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
