"""Looking for faces the cheap way: close to known faces mostly, the whole picture now and then, its squares in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import without_doubles
from edge.face.finder import Finder
from edge.face.region_of_interest import region_of_interest
from edge.face.search import closer, within
from edge.readings import Box, Face

Luma = NDArray[np.uint8]

WIDTH, HEIGHT = 320, 240  # the picture is searched at this size, or the same area in another shape
_AT_A_TIME = 2  # squares of the picture that are looked at closer with each look at all of it


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
    """A finder and where it looked last; the finder is replaced when the threshold changes."""

    def __init__(self, make: Callable[[float], Finder]) -> None:
        self._make = make
        self._asked: float | None = None
        self._turn = 0

    def prepare(self, min_score: float, min_size: float) -> None:
        """`min_size` in pixels of the searched picture."""
        if min_score != self._asked:
            self._asked = min_score
            self._finder = self._make(min_score)
        self._min_score, self._min_size = min_score, min_size

    def whole(self, luma: Luma, *, thorough: bool = False) -> list[Face]:
        """Faces in the whole picture and, closer, in a few of its squares: all of them in turn, or at once."""
        squares = closer(*luma.shape)
        if not thorough:
            squares = [squares[(self._turn + i) % len(squares)] for i in range(min(_AT_A_TIME, len(squares)))]
            self._turn += _AT_A_TIME
        found = self._finder.find(luma)
        for square in squares:
            found += within(luma, square, self._finder)
        return self._good(found)

    def close(self, luma: Luma, boxes: Sequence[Box]) -> list[Face]:
        """Faces in and around the boxes."""
        found: list[Face] = []
        for box in boxes:
            view = region_of_interest(luma, box)
            found += [view.back(face) for face in self._finder.find(view.luma)]
        return self._good(found)

    def _good(self, faces: Sequence[Face]) -> list[Face]:
        return without_doubles([f for f in faces if f.score >= self._min_score and f.box.height >= self._min_size])
