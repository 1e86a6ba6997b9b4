"""How often something may happen: requests, changes, and the same line in the log."""

from __future__ import annotations

import logging

from edge.device.clock import Clock

_AGAIN_S = 3_600.0
_MOST = 100  # different lines within that time: others may make us say whatever they like


class RateLimit:
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


class LogOnce:
    """Says each line once, and once an hour while it keeps being true."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._said: dict[str, float] = {}

    def say(self, level: int, line: str, about: str = "") -> bool:
        """Returns whether it was said. Lines that are `about` the same count as one."""
        now = self._clock.monotonic()
        key = about or line
        if key not in self._said and len(self._said) >= _MOST:
            self._said = {each: at for each, at in self._said.items() if now - at < _AGAIN_S}
            if len(self._said) >= _MOST:
                return False
        last = self._said.get(key)
        if last is not None and now - last < _AGAIN_S:
            return False
        self._said[key] = now
        self._logger.log(level, "%s", line)
        return True

    def said(self, about: str) -> bool:
        """Whether something about it was said within the hour."""
        last = self._said.get(about)
        return last is not None and self._clock.monotonic() - last < _AGAIN_S
