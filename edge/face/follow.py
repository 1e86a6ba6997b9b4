"""Following a face from frame to frame: a small patch is looked for close to where it was."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import around, centre
from edge.face.pixels import halvable, resized, spread_of
from edge.readings import Box

Luma = NDArray[np.uint8]

_PATCH = 24  # side of the patch; the time a search takes does not depend on the size of the face
_REGION = 2 * _PATCH  # half a face in each direction: what a head moves between two frames
_FACE = 0.9  # of the box's height: the face without the background beside it
_PLAIN = 2.0  # spread in grey levels: less is a wall, and matches everywhere


@dataclass(frozen=True, slots=True)
class Patch:
    """What a face looked like when it was last found, 24 pixels wide. Lives and dies with its track."""

    pixels: Luma
    side: int  # of the square it was taken from
    spread: float  # in grey levels


def take(luma: Luma, box: Box) -> Patch:
    """The patch of the face in `box`."""
    side = max(4, halvable(round(_FACE * box.height), _PATCH))
    region, _, _ = _region(luma, box, side)
    edge = (_REGION - _PATCH) // 2
    pixels = np.ascontiguousarray(region[edge : edge + _PATCH, edge : edge + _PATCH])
    return Patch(pixels, side, spread_of(pixels))


def follow(luma: Luma, box: Box, patch: Patch) -> tuple[Box, float]:
    """Where the patch is now, near `box`, and how well it matches: -1..1."""
    if patch.spread < _PLAIN:
        return box, 0.0
    region, left, top = _region(luma, box, patch.side)
    if spread_of(region) < _PLAIN:
        return box, 0.0
    fit = cv2.matchTemplate(region, patch.pixels, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(fit)
    if not np.isfinite(best):
        return box, 0.0
    scale = 2 * patch.side / _REGION
    x = left + (column + _between(fit[row], column) + _PATCH / 2) * scale
    y = top + (row + _between(fit[:, column], row) + _PATCH / 2) * scale
    return around(x, y, box.width, box.height), min(1.0, float(best))


def _region(luma: Luma, box: Box, side: int) -> tuple[Luma, int, int]:
    """The square of twice `side` around the centre of `box`, edges repeated; its corner in `luma`."""
    x, y = centre(box)
    left, top = round(x) - side, round(y) - side
    height, width = luma.shape
    left = min(max(left, -2 * side + 1), width - 1)  # at least a line of it is inside
    top = min(max(top, -2 * side + 1), height - 1)
    inside = luma[max(top, 0) : top + 2 * side, max(left, 0) : left + 2 * side]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + 2 * side - height), max(0, left + 2 * side - width)
    if above or before or below or behind:
        inside = cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_REPLICATE)
    return resized(np.asarray(inside), _REGION, _REGION), left, top


def _between(values: NDArray[np.float32], peak: int) -> float:
    """The top of the parabola through the peak and its neighbours, -0.5..0.5 from the peak."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, top, after = float(values[peak - 1]), float(values[peak]), float(values[peak + 1])
    bend = before - 2 * top + after
    if bend >= -1e-9:
        return 0.0
    return min(0.5, max(-0.5, 0.5 * (before - after) / bend))
