"""From samples to overlapping windows: 25 ms every 10 ms, handed on sixteen at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from edge.readings import Samples

WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
CHUNK = 16  # frames that go through features and model together: 160 ms

_NEEDED = WINDOW + (CHUNK - 1) * HOP
_INDEX: NDArray[np.intp] = HOP * np.arange(CHUNK)[:, None] + np.arange(WINDOW)[None, :]
_PRE_EMPHASIS = np.float32(0.97)


class Framer:
    """Keeps what does not fill a chunk yet, so the frames do not depend on how the sound was cut into blocks."""

    def __init__(self) -> None:
        self._kept: Samples = np.empty(0, np.float32)  # pre-emphasised
        self._last: np.float32 | None = None

    def push(self, samples: Samples) -> Iterator[Floats]:
        """Chunks of pre-emphasised frames, (CHUNK, WINDOW), not windowed."""
        self._kept = np.concatenate((self._kept, self._emphasised(samples)))
        while len(self._kept) >= _NEEDED:
            yield self._kept[_INDEX]
            self._kept = self._kept[CHUNK * HOP :]

    def _emphasised(self, samples: Samples) -> Samples:
        if not len(samples):
            return samples
        before = np.empty_like(samples)
        before[1:] = samples[:-1]
        before[0] = 0.0 if self._last is None else self._last
        self._last = samples[-1]
        emphasised: Samples = samples - _PRE_EMPHASIS * before
        return emphasised
