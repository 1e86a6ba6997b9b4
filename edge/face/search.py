"""Where to look: the whole picture in one, and closer in overlapping squares, so that small faces are found, too."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import without_doubles
from edge.face.finder import Finder, moved
from edge.face.grid import SIDE
from edge.readings import Face

Luma = NDArray[np.uint8]
Square = tuple[int, int, int]  # left, top, side

_CUT = 0.02  # of a square: a face that comes so near to its edge is seen better in the next one


def squares(height: int, width: int, side: int) -> list[Square]:
    """Squares of `side` that cover the picture, each overlapping the next by half or more; none if one would do."""
    if side >= max(height, width):
        return []
    return [(left, top, side) for top in _starts(height, side) for left in _starts(width, side)]


def closer(height: int, width: int) -> list[Square]:
    """The squares for twice the detail of the whole picture; none where the picture has no more to show."""
    return squares(height, width, max(SIDE, round(max(height, width) / 2)))


def within(luma: Luma, square: Square, finder: Finder) -> list[Face]:
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


def everywhere(luma: Luma, finder: Finder, sides: Iterable[int] | None = None) -> list[Face]:
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
