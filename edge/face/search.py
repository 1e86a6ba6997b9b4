"""Searching a picture for faces: close to known ones mostly, all of it now and then, its squares in turn.

Small faces are found in overlapping squares of the picture that show twice the detail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import centre, without_doubles
from edge.face.finder import Finder, moved
from edge.face.grid import SIDE
from edge.face.pixels import halvable, resized
from edge.readings import Box, FoundFace

Luma = NDArray[np.uint8]
Square = tuple[int, int, int]  # left, top, side

WIDTH, HEIGHT = 320, 240  # the picture is searched at this size, or the same area in another shape
_AT_A_TIME = 2  # squares that are searched with each search of the whole picture
_CUT = 0.02  # of a square: a face that comes so near to its edge is seen better in the next one
_REACH = 2.6  # heights of the face: width of a region of interest; the face may have moved by more than half of itself


def at_most(luma: Luma) -> Luma:
    """`luma` made smaller, never larger, to the area that is searched."""
    height, width = luma.shape
    scale = (WIDTH * HEIGHT / (width * height)) ** 0.5
    if scale >= 0.99:
        return luma
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller: Luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return smaller


class Searcher:
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

    def whole(self, luma: Luma, *, thorough: bool = False) -> list[FoundFace]:
        """Faces in the whole picture and, closer, in a few of its squares: all of them in turn, or at once."""
        squares = closer(*luma.shape)
        if not thorough:
            squares = [squares[(self._turn + i) % len(squares)] for i in range(min(_AT_A_TIME, len(squares)))]
            self._turn += _AT_A_TIME
        found = self._finder.find(luma)
        for square in squares:
            found += within(luma, square, self._finder)
        return self._good(found)

    def close(self, luma: Luma, boxes: Sequence[Box]) -> list[FoundFace]:
        """Faces in and around the boxes."""
        found: list[FoundFace] = []
        for box in boxes:
            view = region_of_interest(luma, box)
            found += [view.back(face) for face in self._finder.find(view.luma)]
        return self._good(found)

    def _good(self, faces: Sequence[FoundFace]) -> list[FoundFace]:
        return without_doubles([f for f in faces if f.score >= self._min_score and f.box.height >= self._min_size])


@dataclass(frozen=True, slots=True)
class RegionOfInterest:
    """`luma` shows what begins at (left, top) of the picture, `scale` times as large."""

    luma: Luma
    left: int
    top: int
    scale: float

    def back(self, face: FoundFace) -> FoundFace:
        """A face found in the view, as it lies in the picture."""
        return moved(face, self.scale, self.left, self.top)


def region_of_interest(luma: Luma, box: Box) -> RegionOfInterest:
    """The square view of what is in and around `box`; beyond the picture its edge is repeated."""
    x, y = centre(box)
    height, width = luma.shape
    side = halvable(min(max(8, round(_REACH * box.height)), 4 * max(height, width)), SIDE)
    left = min(max(round(x - side / 2), 1 - side), width - 1)  # at least a line of the picture is inside
    top = min(max(round(y - side / 2), 1 - side), height - 1)
    inside = luma[max(top, 0) : top + side, max(left, 0) : left + side]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + side - height), max(0, left + side - width)
    if above or before or below or behind:
        inside = cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_REPLICATE)
    return RegionOfInterest(resized(np.asarray(inside), SIDE, SIDE), left, top, SIDE / side)


def squares(height: int, width: int, side: int) -> list[Square]:
    """Squares of `side` that cover the picture, each overlapping the next by half or more; none if one would do."""
    if side >= max(height, width):
        return []
    return [(left, top, side) for top in _starts(height, side) for left in _starts(width, side)]


def closer(height: int, width: int) -> list[Square]:
    """The squares for twice the detail of the whole picture; none where the picture has no more to show."""
    return squares(height, width, max(SIDE, round(max(height, width) / 2)))


def within(luma: Luma, square: Square, finder: Finder) -> list[FoundFace]:
    """Faces in the square, as they lie in the picture; those that it cuts are left to the others."""
    left, top, side = square
    part = luma[top : top + side, left : left + side]
    height, width = part.shape
    found = []
    for face in finder.find(np.ascontiguousarray(part)):
        x, y, edge = face.box.x, face.box.y, _CUT * side
        cut = (
            (x < edge and left > 0)
            or (y < edge and top > 0)
            or (x + face.box.width > width - edge and left + width < luma.shape[1])
            or (y + face.box.height > height - edge and top + height < luma.shape[0])
        )
        if not cut:
            found.append(moved(face, 1.0, left, top))
    return found


def everywhere(luma: Luma, finder: Finder, sides: Iterable[int] | None = None) -> list[FoundFace]:
    """Faces in the whole picture and in its squares: those of twice the detail, or of the given sides."""
    height, width = luma.shape
    if sides is None:
        chosen = closer(height, width)
    else:
        chosen = [square for side in sides for square in squares(height, width, side)]
    found = finder.find(luma)
    for square in chosen:
        found += within(luma, square, finder)
    return without_doubles(found)


def _starts(extent: int, side: int) -> list[int]:
    """Where squares begin along one direction."""
    if extent <= side:
        return [0]
    steps = -(-2 * (extent - side) // side)
    return [round(i * (extent - side) / steps) for i in range(steps + 1)]
