"""The grey picture in what a V4L2 camera gives, before anybody makes colours of it: cheaper than the colours alone."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

FULL, VIDEO = (0, 255), (16, 235)  # the levels of black and white

_PACKED = {"YUYV": 0, "YUY2": 0, "UYVY": 8}  # format -> where luma lies in two bytes of a pixel
_PLANAR = {"YU12", "I420", "YV12", "NV12", "NV21"}  # luma first, the rest below
_JPEG = {"MJPG", "JPEG"}

Luma = NDArray[np.uint8]


def format_name(code: float) -> str:
    """Of V4L2's number: "YUYV"."""
    number = int(code)
    return "".join(chr(number >> shift & 0xFF) for shift in (0, 8, 16, 24)) if number > 0 else ""


def luma(raw: NDArray[np.uint8], pixels: str, width: int, height: int) -> tuple[Luma, tuple[int, int]] | None:
    """The grey picture and its levels; None for a format that is not known here, or for a picture that is damaged."""
    if pixels in _PACKED and raw.size == 2 * width * height:
        pairs = np.ascontiguousarray(raw).reshape(height, 2 * width).view("<u2")
        return (pairs >> _PACKED[pixels] if _PACKED[pixels] else pairs).astype(np.uint8), VIDEO
    if pixels in _PLANAR and raw.size == width * height * 3 // 2:
        return np.ascontiguousarray(raw.reshape(height * 3 // 2, width)[:height]), VIDEO
    if pixels == "GREY" and raw.size == width * height:
        return raw.reshape(height, width), FULL
    if pixels in _JPEG and raw.dtype == np.uint8 and raw.reshape(-1)[:2].tobytes() == b"\xff\xd8":
        picture = cv2.imdecode(raw.reshape(-1), cv2.IMREAD_GRAYSCALE)
        return None if picture is None else (cast(Luma, picture), FULL)
    return None


def knows(pixels: str) -> bool:
    """Whether `luma` reads this format."""
    return pixels in _PACKED or pixels in _PLANAR or pixels in _JPEG or pixels == "GREY"
