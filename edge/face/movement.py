"""What moves in a followed face: the mouth, against the rest of it, and the whole face since it was last classified."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.readings import Box

Luma = NDArray[np.uint8]
Patch = NDArray[np.float32]

_SIDE = 24  # pixels of the patch, which is as high as the face
_LEAST_SPREAD = 4.0  # grey levels: less is nothing to compare
_MOUTH = slice(14, 24), slice(4, 20)
_HEAD = 1.1  # a mouth has more edges than the rest of a face, and moves with the head all the same
_REST = slice(1, 13), slice(3, 21)  # brows, eyes and nose: what moves there moves with the head


class Movement:
    """Two small pictures of one face. Lives and dies with its track."""

    def __init__(self) -> None:
        self._last: Patch | None = None
        self._judged: Patch | None = None
        self.mouth = 0.0  # how far it moved between the last two frames, beyond what the head did; 0 and up
        self.change = 0.0  # of the face since `judged`, in spreads of its grey levels

    def look(self, luma: Luma, box: Box) -> None:
        """Take note of the face in `box`."""
        patch = _patch(luma, box)
        if self._last is not None:
            moved = np.abs(patch - self._last)
            self.mouth = max(0.0, float(moved[_MOUTH].mean() - _HEAD * moved[_REST].mean()))
        self._last = patch
        self.change = 0.0 if self._judged is None else float(np.abs(patch - self._judged).mean())

    def judged(self) -> None:
        """The face is being classified as it is now."""
        self._judged, self.change = self._last, 0.0

    def hidden(self) -> None:
        """The face is out of sight; what comes next is not compared with what was before."""
        self._last, self.mouth = None, 0.0


def _patch(luma: Luma, box: Box) -> Patch:
    """The face at mean 0 and spread 1."""
    height, width = luma.shape
    top, left = max(0, round(box.y)), max(0, round(box.x + box.width / 2 - box.height / 2))
    side = max(2, round(box.height))
    cut = luma[min(top, height - 1) : top + side, min(left, width - 1) : left + side]
    patch = cv2.resize(cut, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    patch -= patch.mean()
    return np.asarray(patch / max(float(patch.std()), _LEAST_SPREAD), np.float32)
