"""Looking for faces the cheap way: the whole picture now and then, close to known faces otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import without_doubles
from edge.face.closeup import SMALLEST, close_up
from edge.face.finder import Finder
from edge.readings import Box, Face

Luma = NDArray[np.uint8]

WIDTH, HEIGHT = 320, 240  # the whole picture is searched at this size, or the same area in another shape
_SMALLEST = 20  # what a finder can find at all


def at_most(luma: Luma) -> Luma:
    """`luma` made smaller, never larger, to the area that is searched."""
    height, width = luma.shape
    scale = (WIDTH * HEIGHT / (width * height)) ** 0.5
    if scale >= 0.99:
        return luma
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller: Luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return smaller


class Looker:
    """A finder for the whole picture and one for close looks; both are replaced when the settings change."""

    def __init__(self, make: Callable[[float, int], Finder]) -> None:
        self._make = make
        self._asked: tuple[float, int] | None = None

    def prepare(self, min_score: float, min_size: float) -> None:
        """`min_size` in pixels of the searched picture."""
        asked = (min_score, max(_SMALLEST, round(min_size)))
        if asked != self._asked:
            self._asked = asked
            self._whole = self._make(*asked)
            self._close = self._make(min_score, SMALLEST)
        self._min_score, self._min_size = min_score, min_size

    def whole(self, luma: Luma) -> list[Face]:
        """Every face in the picture."""
        return self._good(self._whole.find(luma))

    def close(self, luma: Luma, boxes: Sequence[Box]) -> list[Face]:
        """Faces in and around the boxes."""
        found: list[Face] = []
        for box in boxes:
            view = close_up(luma, box)
            found += [view.back(face) for face in self._close.find(view.luma)]
        return self._good(found)

    def _good(self, faces: Sequence[Face]) -> list[Face]:
        return without_doubles([f for f in faces if f.score >= self._min_score and f.box.height >= self._min_size])
