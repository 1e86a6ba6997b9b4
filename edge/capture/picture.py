"""Pictures as the rest of the service wants them: of the asked size, the right way up, with a small grey copy.

Nobody behind the camera asks for colour: where it gives luma, that is all that is taken.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config.schema import CameraConfig
from edge.readings import Image

LUMA_WIDTH = 320  # faces worth reading are big enough in this

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIPS = {"vertical": 0, "horizontal": 1, "both": -1}


def fitted(image: Image, width: int, height: int) -> Image:
    """`image` made smaller, never larger, to fit in width x height with its proportions kept."""
    scale = min(width / image.shape[1], height / image.shape[0])
    if scale >= 1.0:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cast(Image, cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def oriented(image: Image, rotation: int, flip: str) -> Image:
    """`image` rotated clockwise, then flipped."""
    if rotation:
        image = cast(Image, cv2.rotate(image, _ROTATIONS[rotation]))
    if flip != "none":
        image = cast(Image, cv2.flip(image, _FLIPS[flip]))
    return image


def colour(image: NDArray[np.uint8]) -> Image:
    """BGR with three channels, whatever the source gave."""
    if image.ndim == 2:
        return cast(Image, cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    if image.shape[2] == 4:
        return cast(Image, cv2.cvtColor(image, cv2.COLOR_BGRA2BGR))
    return image


def luma_of(image: Image) -> NDArray[np.uint8]:
    """Grey, at most LUMA_WIDTH wide; by halves as long as may be, which are fast."""
    while image.shape[1] >= 2 * LUMA_WIDTH and not (image.shape[0] % 2 or image.shape[1] % 2):
        image = cast(Image, cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA))
    if image.shape[1] > LUMA_WIDTH:
        height = max(1, round(image.shape[0] * LUMA_WIDTH / image.shape[1]))
        image = cast(Image, cv2.resize(image, (LUMA_WIDTH, height), interpolation=cv2.INTER_AREA))
    if image.ndim == 2:
        return image
    return cast("NDArray[np.uint8]", cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def as_asked(image: NDArray[np.uint8], settings: CameraConfig) -> Image:
    """Size, rotation and flip of the settings applied; grey stays grey."""
    shown = image if image.ndim == 2 else colour(image)
    return oriented(fitted(shown, settings.width, settings.height), settings.rotation, settings.flip)


def unpacked(row: NDArray[np.uint8], width: int, height: int) -> Image | None:
    """A picture from the single row of bytes that OpenCV gives where the camera's own format is BGR or JPEG."""
    raw = row.reshape(-1)
    if raw.size == width * height * 3:
        return raw.reshape(height, width, 3)
    if raw[:2].tobytes() == b"\xff\xd8":
        return cast("Image | None", cv2.imdecode(raw, cv2.IMREAD_COLOR))
    return None
