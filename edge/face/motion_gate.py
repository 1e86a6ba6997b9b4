"""Has anything changed in the picture since it was last searched? An empty, quiet room need not be searched again."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import centre
from edge.readings import Box

_GRID = (32, 24)
_AROUND = 1.0  # heights of a face to each side of its centre, and down to the edge: head, hair and shoulders
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

    def beside(self, luma: NDArray[np.uint8], boxes: Iterable[Box]) -> bool:
        """Did anything change but around the faces in `boxes`?"""
        if self._last is None:
            return True
        change = _means(luma) - self._last
        change -= np.median(change)
        across, down = _GRID[0] / luma.shape[1], _GRID[1] / luma.shape[0]
        for box in boxes:
            x, y = centre(box)
            left, right = (x - _AROUND * box.height) * across, (x + _AROUND * box.height) * across
            top = (y - _AROUND * box.height) * down
            change[max(0, int(top)) :, max(0, int(left)) : max(0, int(right) + 1)] = 0.0  # a body moves with its head
        return bool(np.abs(change).max() > _LEAST)

    def note(self, luma: NDArray[np.uint8]) -> None:
        """This picture is being searched."""
        self._last = _means(luma)

    def reset(self) -> None:
        self._last = None


def _means(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    means: NDArray[np.float32] = cv2.resize(luma, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32)
    return means
