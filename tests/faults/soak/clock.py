"""Time that runs faster than life, as fast as the machine keeps up with."""

from __future__ import annotations

import threading
import time


class HurriedClock:
    """A Clock whose seconds are shorter than real ones; the rate may change, time never jumps or goes back."""

    def __init__(self, rate: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._real = time.monotonic()
        self._now = self._real
        self._wall = time.time() - self._now
        self.rate = rate

    def monotonic(self) -> float:
        with self._lock:
            return self._now + (time.monotonic() - self._real) * self.rate

    def wall(self) -> float:
        return self._wall + self.monotonic()

    def run_at(self, rate: float) -> None:
        with self._lock:
            real = time.monotonic()
            self._now += (real - self._real) * self.rate
            self._real = real
            self.rate = rate

    def sleep_until(self, moment: float, *, at_most: float = 0.5) -> None:
        """Sleeps until that moment of this clock, for `at_most` real seconds at a time."""
        while (left := moment - self.monotonic()) > 0:
            time.sleep(min(left / self.rate, at_most))
