"""How often something may happen: so many at once, then one in a while."""

from __future__ import annotations


class Bucket:
    """`burst` at once, then one every `every_s`."""

    def __init__(self, burst: int, every_s: float, now: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._left = float(burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until the next one is allowed; 0 when it is."""
        self._left = min(self._burst, self._left + (now - self._at) / self._every_s)
        self._at = now
        return 0.0 if self._left >= 1.0 else (1.0 - self._left) * self._every_s

    def take(self) -> None:
        """One happens."""
        self._left -= 1.0
