"""How long to wait before a device is tried again."""

from __future__ import annotations

import random

FIRST_S = 1.0
CAP_S = 60.0
STABLE_S = 60.0  # what has run for this long has recovered


class Backoff:
    """Exponential with jitter, so that boards that lost the same network camera do not return in step."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0

    def delay(self, ran_for: float) -> float:
        """Seconds to wait after a failure of something that had run for `ran_for` seconds."""
        if ran_for >= STABLE_S:
            self._failures = 0
        wait = min(CAP_S, FIRST_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return min(CAP_S, wait * self._rng.uniform(0.75, 1.25))

    def reset(self) -> None:
        """Begin anew: somebody asked for the device."""
        self._failures = 0
