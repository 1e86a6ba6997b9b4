"""How loud it is, against how loud the room is when nobody speaks."""

from __future__ import annotations

from collections import deque

import numpy as np

from edge.readings import Samples

SILENT_DB = -80.0  # dBFS; below it there is nothing but the converter's own noise
_BUCKET = 16  # steps whose minimum is kept as one number
_BUCKETS = 12  # with steps of 32 ms the floor is the minimum of the last six seconds
_TARGET_DB = -22.0  # where the detector likes speech to be
_MOST_GAIN_DB, _LEAST_GAIN_DB = 55.0, -20.0
_LEVEL_FALL_DB = 0.1  # per step: about 3 dB a second


def level_db(samples: Samples) -> float:
    """Root mean square in dBFS; -120 for digital silence or nothing."""
    if not len(samples):
        return -120.0
    power = float(np.dot(samples, samples)) / len(samples)
    return 10 * float(np.log10(max(power, 1e-12)))


class NoiseFloor:
    """The quietest of the last seconds."""

    def __init__(self) -> None:
        self._buckets: deque[float] = deque(maxlen=_BUCKETS)
        self._current = 0.0
        self._steps = 0

    @property
    def known(self) -> bool:
        """Whether it has listened long enough (1.5 s) to tell noise from a voice that speaks at once."""
        return len(self._buckets) >= 3

    def follow(self, level: float) -> float:
        """The floor after one more step of this level, in dBFS."""
        self._current = level if not self._steps else min(self._current, level)
        floor = min(self._current, *self._buckets) if self._buckets else self._current
        self._steps += 1
        if self._steps == _BUCKET:
            self._buckets.append(self._current)
            self._steps = 0
        return floor


class Gain:
    """Brings speech to one level before anybody judges whether it is speech. Looks back only."""

    def __init__(self) -> None:
        self._level: float | None = None

    def follow(self, level: float) -> float:
        """The factor for a step of this level in dBFS."""
        fallen = level if self._level is None else self._level - _LEVEL_FALL_DB
        self._level = max(level, fallen, SILENT_DB)
        gain = min(max(_TARGET_DB - self._level, _LEAST_GAIN_DB), _MOST_GAIN_DB)
        return float(10 ** (gain / 20))
