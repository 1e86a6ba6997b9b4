"""From a picture and a box to what the face model takes. Training uses this very code."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.readings import Box, Image

SIDE = 48
MARGIN = 1.0

# Contrast below this (in grey levels) is noise, and is not stretched further.
LEAST_SPREAD = 6.0


def crop_face(image: Image, box: Box, side: int = SIDE, margin: float = MARGIN) -> NDArray[np.uint8]:
    """The face in `box` as a grey square of `side` pixels.

    The square shares the centre of the box and is `margin` times as large as the box is high.
    What lies outside the picture is filled with its nearest edge.
    """
    width = max(1, round(box.height * margin))
    left = round(box.x + box.width / 2 - width / 2)
    top = round(box.y + box.height / 2 - width / 2)
    return shrink(to_grey(_cut(image, left, top, width)), side)


def to_grey(image: Image) -> NDArray[np.uint8]:
    """One channel of a grey or BGR picture."""
    if image.ndim == 2:
        return image
    if image.shape[2] == 1:
        return image[:, :, 0]
    grey: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return grey


def shrink(grey: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The picture as a square of `side` pixels; itself if it is one already."""
    if grey.shape == (side, side):
        return grey
    smaller = min(grey.shape) > side
    resized: NDArray[np.uint8] = cv2.resize(
        grey, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    return resized


def prepare(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A grey square, standardised to mean 0 and spread 1 so that light and contrast matter little: (1, side, side, 1).

    A picture without contrast becomes zeros, never NaN.
    """
    values = crop.astype(np.float32)
    values -= values.mean()
    values /= max(float(values.std()), LEAST_SPREAD)
    return values[np.newaxis, :, :, np.newaxis]


def _cut(image: Image, left: int, top: int, width: int) -> Image:
    """The square of `width` at (left, top), edges repeated where it reaches outside."""
    height_there, width_there = image.shape[:2]
    rows = slice(min(max(top, 0), height_there - 1), max(min(top + width, height_there), 1))
    columns = slice(min(max(left, 0), width_there - 1), max(min(left + width, width_there), 1))
    inside = image[rows, columns]
    above, before = max(0, min(-top, width - 1)), max(0, min(-left, width - 1))
    below, behind = width - inside.shape[0] - above, width - inside.shape[1] - before
    if not (above or below or before or behind):
        return inside
    filled: Image = cv2.copyMakeBorder(
        np.ascontiguousarray(inside), above, max(below, 0), before, max(behind, 0), cv2.BORDER_REPLICATE
    )
    return filled[:width, :width]
