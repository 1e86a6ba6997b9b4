"""How much a face crop is worth, 0..1: pure functions."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FULL_SIZE = 48.0  # pixels of height: what the face model sees; more adds nothing

# Energy of fine detail over all contrast of a crop. Measured on sharp photographs: median 0.5, one in twenty is
# below 0.1; blurred by a sixteenth of the face's height they fall to 0.01.
_SHARP = 0.12
_CLIPPED = 0.25  # of the pixels black or white: half of the face's detail is lost
_DIM, _GLARE = 40.0, 225.0  # mean grey levels


def quality_of(crop: NDArray[np.uint8], height: float, score: float) -> float:
    """Of a grey crop of a face that is `height` pixels high in the picture and was found with `score`."""
    sure = 0.5 + 0.5 * min(max(score, 0.0), 1.0)
    return round(size_factor(height) * sharpness(crop) * light(crop) * sure, 4)


def size_factor(height: float) -> float:
    return min(1.0, max(0.0, height / FULL_SIZE))


def sharpness(crop: NDArray[np.uint8]) -> float:
    """1 for a sharp face, towards 0 for a smear; contrast does not count."""
    grey = crop.astype(np.float32)
    contrast = float(grey.var())
    if contrast < 1.0:
        return 0.0  # nothing in it
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).var()) / contrast
    return min(1.0, detail / _SHARP)


def light(crop: NDArray[np.uint8]) -> float:
    """1 for a well lit face; less for a dark, glaring or clipped one."""
    mean = float(crop.mean())
    bright = min(1.0, mean / _DIM, max(0.0, (255.0 - mean) / (255.0 - _GLARE)))
    clipped = float(np.count_nonzero((crop <= 2) | (crop >= 253))) / max(crop.size, 1)
    return bright * max(0.0, 1.0 - 0.5 * clipped / _CLIPPED)
