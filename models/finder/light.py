"""What light, lens, sensor and compression do to a picture. Values are grey levels as float32."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Random = np.random.Generator


def weather(picture: Floats, random: Random) -> NDArray[np.uint8]:
    """A draw of everything that can happen on the way to the finder."""
    if random.random() < 0.3:
        picture = slope(picture, random.uniform(0, 2 * np.pi), random.uniform(0.2, 0.8))
    if random.random() < 0.6:
        picture = 255 * (np.clip(picture, 0, 255) / 255) ** np.float32(np.exp(random.normal(0, 0.35)))
    if random.random() < 0.6:
        picture = (picture - 128) * np.float32(random.uniform(0.4, 1.4)) + np.float32(128 + random.normal(0, 18))
    if random.random() < 0.15:
        picture = coarse(picture, random.uniform(1.2, 2.2))
    if random.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 1.3))
    if random.random() < 0.1:
        picture = streak(picture, random.integers(3, 6), random.uniform(0, 180))
    if random.random() < 0.15:
        picture = dark(picture, float(np.exp(random.uniform(np.log(0.07), np.log(0.6)))), random)
    elif random.random() < 0.5:
        picture = picture + random.normal(0, random.uniform(0.5, 9), picture.shape).astype(np.float32)
    levels = np.clip(picture, 0, 255).astype(np.uint8)
    return compressed(levels, random.integers(20, 80)) if random.random() < 0.2 else levels


def slope(picture: Floats, angle: float, much: float) -> Floats:
    """Light from one side: `much` of it is lost on the other."""
    height, width = picture.shape
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    along = x * np.cos(angle) + y * np.sin(angle)
    return np.asarray(picture * (1 - much * (0.5 + along)), np.float32)


def unfocused(picture: Floats, heights: Sequence[float], random: Random) -> Floats:
    """Out of focus, as far as the smallest face, of these `heights`, can still be told for one."""
    height = min(heights, default=random.uniform(12, 100))
    blurred = cv2.GaussianBlur(picture, (0, 0), max(0.1, float(height) * random.uniform(0.02, 0.09)))
    return np.asarray(blurred, np.float32)


def dark(picture: Floats, light: float, random: Random) -> Floats:
    """`light` of it is left; shot noise and the sensor's own noise stay."""
    left = np.clip(picture, 0, 255) * light
    spread = np.sqrt(random.uniform(0.5, 2.5) ** 2 + 0.15 * left)
    return np.asarray(left + random.normal(0, 1, picture.shape) * spread, np.float32)


def coarse(picture: Floats, times: float) -> Floats:
    """As if it had been `times` smaller."""
    height, width = picture.shape
    small = cv2.resize(picture, (round(width / times), round(height / times)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def streak(picture: Floats, length: int, degrees: float) -> Floats:
    """Smeared by movement."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), degrees, 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return np.asarray(cv2.filter2D(picture, -1, kernel / max(float(kernel.sum()), 1e-6)), np.float32)


def compressed(levels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Through JPEG and back."""
    _, code = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)
