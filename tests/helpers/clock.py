"""A clock for tests."""

from __future__ import annotations


class FakeClock:
    """Time that passes only when told to."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_800_000_000.0) -> None:
        self.now = monotonic
        self.offset = wall - monotonic

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.offset

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
