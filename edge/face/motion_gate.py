"""Has anything changed in the picture since it was last searched? An empty, quiet room need not be searched again."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = (32, 24)
_LEAST = 2.5  # grey levels of a block's mean: noise is far below, a head far away is above


class MotionGate:
    """Remembers the last searched picture as 32 x 24 means."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def since_last(self, luma: NDArray[np.uint8]) -> bool:
        """Did any part change? A change of light all over does not count. True before the first `note`."""
        if self._last is None:
            return True
        change = _means(luma) - self._last
        return bool(np.abs(change - np.median(change)).max() > _LEAST)

    def note(self, luma: NDArray[np.uint8]) -> None:
        """This picture is being searched."""
        self._last = _means(luma)

    def reset(self) -> None:
        self._last = None


def _means(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    means: NDArray[np.float32] = cv2.resize(luma, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32)
    return means
