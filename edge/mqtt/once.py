"""A log that does not flood: the same line again at most once an hour."""

from __future__ import annotations

import logging

from edge.clock import Clock

_AGAIN_S = 3_600.0
_MOST = 200  # different lines remembered


class Once:
    """Says each line once, and once an hour while it keeps being true."""

    def __init__(self, logger: logging.Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._said: dict[str, float] = {}

    def say(self, level: int, line: str) -> None:
        now = self._clock.monotonic()
        last = self._said.get(line)
        if last is not None and now - last < _AGAIN_S:
            return
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[line] = now
        self._logger.log(level, "%s", line)
