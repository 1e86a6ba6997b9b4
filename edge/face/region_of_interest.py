"""A closer view of one face: its surround, cut out as the finder likes it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import centre
from edge.face.finder import moved
from edge.face.grid import SIDE
from edge.readings import Box, Face

Luma = NDArray[np.uint8]

_REACH = 2.6  # heights of the face: width of the view, so the face may have moved by more than half of itself


@dataclass(frozen=True, slots=True)
class RegionOfInterest:
    """`luma` shows what begins at (left, top) of the picture, `scale` times as large."""

    luma: Luma
    left: int
    top: int
    scale: float

    def back(self, face: Face) -> Face:
        """A face found in the view, as it lies in the picture."""
        return moved(face, self.scale, self.left, self.top)


def region_of_interest(luma: Luma, box: Box) -> RegionOfInterest:
    """The square view of what is in and around `box`; beyond the picture its edge is repeated."""
    x, y = centre(box)
    height, width = luma.shape
    side = min(max(8, round(_REACH * box.height)), 4 * max(height, width))
    left = min(max(round(x - side / 2), 1 - side), width - 1)  # at least a line of the picture is inside
    top = min(max(round(y - side / 2), 1 - side), height - 1)
    inside = luma[max(top, 0) : top + side, max(left, 0) : left + side]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + side - height), max(0, left + side - width)
    if above or before or below or behind:
        inside = cv2.copyMakeBorder(inside, above, below, before, behind, cv2.BORDER_REPLICATE)
    smaller = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return RegionOfInterest(np.asarray(cv2.resize(inside, (SIDE, SIDE), interpolation=smaller)), left, top, SIDE / side)
