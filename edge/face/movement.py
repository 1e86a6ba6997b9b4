"""What moves in a followed face: the mouth, against the rest of it, and the whole face since it was last classified."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.readings import Box

Luma = NDArray[np.uint8]
Patch = NDArray[np.float32]

_APART_S = 0.098  # of the two pictures that are compared, whatever the rate of frames is
_KEPT = 6  # pictures; faster than 60 frames a second they are closer together
_SIDE = 24  # pixels of the patch, which is as high as the face
_LEAST_SPREAD = 4.0  # grey levels: less is nothing to compare
_HEAD = 1.1  # a mouth has more edges than the rest of a face, and moves with the head all the same
_MOUTH = slice(13, 22), slice(3, 19)  # of the patch without its rim
_REST = slice(0, 12), slice(2, 20)  # brows, eyes and nose: what moves there moves with the head
_LIPS = slice(17, 22), slice(8, 16)  # of the whole patch: dark where a mouth is open
_UPPER = slice(1, 13), slice(3, 21)


class Movement:
    """Small pictures of one face, of some moments. Lives and dies with its track."""

    def __init__(self) -> None:
        self._lately: deque[tuple[float, Patch]] = deque(maxlen=_KEPT)
        self._judged: Patch | None = None
        self.mouth = 0.0  # how far it moved within a tenth of a second, beyond what the head did; 0 and up
        self.opening = 0.0  # how much darker than the upper face it is between the lips: follows an open mouth
        self.change = 0.0  # of the face since `judged`, in spreads of its grey levels

    def look(self, luma: Luma, box: Box, now: float) -> None:
        """Take note of the face in `box`; `now` is the time of the frame."""
        patch = _patch(luma, box)
        before = next((each for time, each in reversed(self._lately) if now - time >= _APART_S), None)
        if before is not None:
            moved = np.abs(_beyond_head(before, patch))
            self.mouth = max(0.0, float(moved[_MOUTH].mean() - _HEAD * moved[_REST].mean()))
        self._lately.append((now, patch))
        self.opening = float(patch[_UPPER].mean() - patch[_LIPS].mean())
        self.change = 0.0 if self._judged is None else float(np.abs(patch - self._judged).mean())

    def judged(self) -> None:
        """The face is being classified as it is now."""
        self._judged, self.change = self._lately[-1][1] if self._lately else None, 0.0

    def hidden(self) -> None:
        """The face is out of sight; what comes next is not compared with what was before."""
        self._lately.clear()
        self.mouth = 0.0


def _beyond_head(before: Patch, patch: Patch) -> Patch:
    """What changed but for the shift that explains the upper face best, rim left out: a head that sways is no word."""
    across = (before[1:-1, 2:] - before[1:-1, :-2]) / 2
    down = (before[2:, 1:-1] - before[:-2, 1:-1]) / 2
    change = patch[1:-1, 1:-1] - before[1:-1, 1:-1]
    x, y, t = across[_REST].ravel(), down[_REST].ravel(), change[_REST].ravel()
    xx, xy, yy, xt, yt = float(x @ x), float(x @ y), float(y @ y), float(x @ t), float(y @ t)
    determinant = xx * yy - xy * xy
    if determinant <= 1e-6 * xx * yy or determinant <= 0.0:
        return np.asarray(change, np.float32)
    right, below = (yy * xt - xy * yt) / determinant, (xx * yt - xy * xt) / determinant
    return np.asarray(change - np.float32(right) * across - np.float32(below) * down, np.float32)


def _patch(luma: Luma, box: Box) -> Patch:
    """The face at mean 0 and spread 1."""
    height, width = luma.shape
    top, left = max(0, round(box.y)), max(0, round(box.x + box.width / 2 - box.height / 2))
    side = max(2, round(box.height))
    cut = luma[min(top, height - 1) : top + side, min(left, width - 1) : left + side]
    patch = cv2.resize(cut, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    mean, spread = cv2.meanStdDev(patch)
    return np.asarray((patch - np.float32(mean[0, 0])) / np.float32(max(spread[0, 0], _LEAST_SPREAD)), np.float32)
