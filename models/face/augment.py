"""Making a face look as if another camera had seen it: pose, light, blur, distance, obstacles, noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Random = np.random.Generator
_LEVELS = np.arange(256, dtype=np.float32) / 255


def augment(image: Grey, random: Random) -> Grey:
    """One random variation of a face."""
    image = _move(image, random)
    image = _relight(image, random)
    if random.random() < 0.12:
        image = blur(image, random.uniform(0.4, 1.4))
    if random.random() < 0.2:
        image = small(image, int(random.integers(16, 40)))
    if random.random() < 0.3:
        image = noise(image, random.uniform(1, 10), random)
    if random.random() < 0.3:
        image = _cover(image, random)
    return image


def rotate(image: Grey, degrees: float) -> Grey:
    """Turned about its centre."""
    side = image.shape[0]
    return _warp(image, cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, 1.0))


def blur(image: Grey, sigma: float) -> Grey:
    """Out of focus."""
    blurred: Grey = cv2.GaussianBlur(image, (0, 0), sigma)
    return blurred


def small(image: Grey, pixels: int) -> Grey:
    """As if the face had been only `pixels` high."""
    side = image.shape[0]
    reduced = cv2.resize(image, (pixels, pixels), interpolation=cv2.INTER_AREA)
    enlarged: Grey = cv2.resize(reduced, (side, side), interpolation=cv2.INTER_LINEAR)
    return enlarged


def noise(image: Grey, sigma: float, random: Random) -> Grey:
    """With the noise of a sensor, in grey levels."""
    noisy = image + random.standard_normal(image.shape, np.float32) * np.float32(sigma)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def dark(image: Grey, light: float, random: Random) -> Grey:
    """With `light` (0..1) of the light, and the noise that a sensor adds then."""
    return noise((image * light).astype(np.uint8), 3.0, random)


def _warp(image: Grey, matrix: NDArray[np.floating[Any]]) -> Grey:
    side = image.shape[0]
    warped: Grey = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped


def _move(image: Grey, random: Random) -> Grey:
    side = image.shape[0]
    if random.random() < 0.5:
        image = image[:, ::-1]
    centre = (side - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), random.normal(0, 9), random.uniform(0.82, 1.22))
    matrix[0, 1] += random.normal(0, 0.05)  # shear, like a face seen a little from the side
    matrix[:, 2] += random.uniform(-4, 4, 2)
    return _warp(np.ascontiguousarray(image), matrix)


def _relight(image: Grey, random: Random) -> Grey:
    curve = _LEVELS ** np.float32(np.exp(random.normal(0, 0.35)))
    curve = (curve - 0.5) * np.float32(random.uniform(0.6, 1.4)) + np.float32(0.5 + random.uniform(-0.2, 0.2))
    lit: Grey = cv2.LUT(image, (np.clip(curve, 0, 1) * 255).astype(np.uint8))
    if random.random() < 0.2:
        ramp = np.linspace(random.uniform(0.3, 1), 1, image.shape[0], dtype=np.float32)
        if random.random() < 0.5:
            ramp = ramp[::-1]
        lit = (lit * (ramp[:, None] if random.random() < 0.3 else ramp[None, :])).astype(np.uint8)
    return lit


def _cover(image: Grey, random: Random) -> Grey:
    side = image.shape[0]
    height, width = random.integers(side // 8, side // 3, 2)
    top, left = random.integers(0, side - height), random.integers(0, side - width)
    covered = image.copy()
    covered[top : top + height, left : left + width] = random.integers(0, 256)
    return covered
