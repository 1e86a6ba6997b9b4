"""Pixels at little cost: pictures made smaller by halves first, and standardised by way of the 256 grey levels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.inference import Model

Luma = NDArray[np.uint8]

_LEVELS = np.arange(256, dtype=np.float64)


def resized(picture: Luma, width: int, height: int) -> Luma:
    """The picture in another size: halved by area as often as may be, the rest by interpolation.

    By area all at once costs twenty times as much, because only whole factors are fast; it is a little better where the
    size is no even multiple, so photographs are resized so: see `resized_by_area`.
    """
    while True:
        rows, columns = picture.shape
        if rows % 2 or columns % 2 or rows < 2 * height or columns < 2 * width:
            break
        picture = np.asarray(cv2.resize(picture, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def resized_by_area(picture: Luma, width: int, height: int) -> Luma:
    """The picture in another size, made smaller by area all at once: for photographs, not for a stream of frames."""
    smaller = width < picture.shape[1] or height < picture.shape[0]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def halvable(side: int, target: int) -> int:
    """The side, or a few pixels less, from which halves lead down as near to `target` as they can."""
    step = 1
    while side >= 2 * step * target:
        step *= 2
    return side - side % step


def standardised(model: Model, picture: Luma, least_spread: float) -> NDArray[Any]:
    """The picture at mean 0 and spread 1 as `model` takes it, (1, rows, columns, 1), in its file's own type.

    What a float copy of the picture would come to, within one step of that type. `least_spread` is in grey levels.
    """
    mean, spread = cv2.meanStdDev(picture)
    values = ((_LEVELS - mean[0, 0]) / max(float(spread[0, 0]), least_spread)).astype(np.float32)
    prepared: NDArray[Any] = cv2.LUT(picture, model.quantised("image", values))[np.newaxis, :, :, np.newaxis]
    return prepared


def relevelled(picture: Luma, levels: tuple[int, int]) -> Luma:
    """The picture with black at 0 and white at 255, of one where they are at `levels`."""
    black, white = levels
    if levels == (0, 255):
        return picture
    table = np.clip(np.rint((_LEVELS - black) * (255.0 / (white - black))), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table), np.uint8)


def spread_of(picture: Luma) -> float:
    """Standard deviation, in grey levels."""
    return float(cv2.meanStdDev(picture)[1][0, 0])
