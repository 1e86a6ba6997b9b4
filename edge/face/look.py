"""Looking for faces the cheap way: the whole picture now and then, close to known faces otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import centre, without_doubles
from edge.face.finder import Finder
from edge.readings import Box, Face

Luma = NDArray[np.uint8]

WIDTH, HEIGHT = 320, 240  # the whole picture is searched at this size, or the same area in another shape
_SMALLEST = 20  # what a finder can find at all

_CLOSE_FACE = 36.0  # a known face is brought to this height: finders are best there, and small faces gain
_CLOSE_SMALLEST = 26
_CLOSE_REACH = 2.2  # heights: the window around a known face; half of that in each direction


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
            self._close = self._make(min_score, _CLOSE_SMALLEST)
        self._min_score, self._min_size = min_score, min_size

    def whole(self, luma: Luma) -> list[Face]:
        """Every face in the picture."""
        return self._good(self._whole.find(luma))

    def close(self, luma: Luma, boxes: Sequence[Box]) -> list[Face]:
        """Faces in and around the boxes."""
        found: list[Face] = []
        for box in boxes:
            window, left, top, scale = _window(luma, box)
            found += [_back(face, left, top, scale) for face in self._close.find(window)]
        return self._good(found)

    def _good(self, faces: Sequence[Face]) -> list[Face]:
        return without_doubles([f for f in faces if f.score >= self._min_score and f.box.height >= self._min_size])


def _window(luma: Luma, box: Box) -> tuple[Luma, int, int, float]:
    """The surround of `box`, brought to a size in which the face is `_CLOSE_FACE` high; its corner and scale."""
    x, y = centre(box)
    reach = max(8.0, _CLOSE_REACH * box.height / 2)
    height, width = luma.shape
    left, right = min(max(0, round(x - reach)), width - 1), max(1, min(width, round(x + reach)))
    top, bottom = min(max(0, round(y - reach)), height - 1), max(1, min(height, round(y + reach)))
    cut = luma[top : max(bottom, top + 1), left : max(right, left + 1)]
    scale = _CLOSE_FACE / max(box.height, 1.0)
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    window: Luma = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
    return window, left, top, scale


def _back(face: Face, left: int, top: int, scale: float) -> Face:
    box = face.box
    return Face(
        Box(left + box.x / scale, top + box.y / scale, box.width / scale, box.height / scale),
        face.score,
        tuple((left + x / scale, top + y / scale) for x, y in face.landmarks),
    )
