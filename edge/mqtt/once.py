"""A log that does not flood: the same line again at most once an hour."""

from __future__ import annotations

import logging

from edge.clock import Clock

_AGAIN_S = 3_600.0
_MOST = 100  # different lines within that time: others may make us say whatever they like


class Once:
    """Says each line once, and once an hour while it keeps being true."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._said: dict[str, float] = {}

    def say(self, level: int, line: str) -> bool:
        """Returns whether it was said."""
        now = self._clock.monotonic()
        if line not in self._said and len(self._said) >= _MOST:
            self._said = {each: at for each, at in self._said.items() if now - at < _AGAIN_S}
            if len(self._said) >= _MOST:
                return False
        last = self._said.get(line)
        if last is not None and now - last < _AGAIN_S:
            return False
        self._said[line] = now
        self._logger.log(level, "%s", line)
        return True
