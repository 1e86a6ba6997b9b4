"""Making a face worse in one way at a time, to measure what the model bears."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Random = np.random.Generator


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


def in_pieces(images: Grey, random: Random) -> Grey:
    """Each picture cut into sixteen squares that are laid out anew: what was a face is none."""
    side = images.shape[1] // 4
    whole = images[:, : 4 * side, : 4 * side].reshape(-1, 4, side, 4, side)
    pieces = whole.transpose(0, 1, 3, 2, 4).reshape(-1, 16, side, side)
    mixed = np.stack([each[random.permutation(16)] for each in pieces]).reshape(-1, 4, 4, side, side)
    return np.ascontiguousarray(mixed.transpose(0, 1, 3, 2, 4).reshape(-1, 4 * side, 4 * side))


def _warp(image: Grey, matrix: NDArray[np.floating[Any]]) -> Grey:
    side = image.shape[0]
    warped: Grey = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped
