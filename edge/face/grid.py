"""What the finder's network says of a picture: a grid of cells, each with a score, a box and five landmarks.

Training encodes with the same numbers that are decoded here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import centre, overlap
from edge.face.pixels import Luma
from edge.readings import Box, FoundFace

Floats = NDArray[np.float32]

SIDE = 128  # of the picture that the network takes
STRIDE = 8  # pixels from one cell to the next
CELLS = SIDE // STRIDE
LANDMARKS = 5  # the left eye in the picture, the right eye, nose, the mouth's left and right corner

LEAST_SPREAD = 5.0  # grey levels: a picture with less contrast is noise, and is not stretched further
_SAME = 0.35  # overlap from which two answers are one face
_MOST = 60  # answers that are looked at; the others are weaker


def prepare(luma: Luma) -> Floats:
    """A square of SIDE pixels, standardised so that light and contrast matter little: (1, SIDE, SIDE, 1)."""
    values = luma.astype(np.float32)
    values -= values.mean()
    values /= max(float(values.std()), LEAST_SPREAD)
    return values[np.newaxis, :, :, np.newaxis]


def fitted(luma: Luma, resize: Callable[[Luma, int, int], Luma]) -> tuple[Luma, float]:
    """The picture brought into a square of SIDE pixels, at its top left, and its scale there.

    What it does not fill has the picture's mean. Small pictures are enlarged.
    """
    height, width = luma.shape
    scale = SIDE / max(height, width)
    size = (min(SIDE, max(1, round(width * scale))), min(SIDE, max(1, round(height * scale))))
    small = resize(luma, *size)
    if size == (SIDE, SIDE):
        return small, scale
    square = np.full((SIDE, SIDE), round(cv2.mean(small)[0]), np.uint8)
    square[: size[1], : size[0]] = small
    return square, scale


def decode(scores: Floats, boxes: Floats, landmarks: Floats, least: float, middle: float = 0.0) -> list[FoundFace]:
    """Faces in pixels of the square with at least the score `least`, the surest first, each once.

    `scores` are logits, cells x cells, and `middle` is the one that makes a half. `boxes` hold the centre's way from
    the cell's in cells and the logarithms of width and height in cells; `landmarks` lie around the centre, in widths
    and heights of the box.
    """
    logits = scores.reshape(-1)
    cells = np.flatnonzero(logits >= _logit(least) + middle - 1e-3)  # few; the chance decides about those at the edge
    chances = 1.0 / (1.0 + np.exp(middle - logits[cells].astype(np.float64)))
    order = np.argsort(-chances, kind="stable")[:_MOST]
    order = order[chances[order] >= least]
    cells = cells[order]
    kept: list[FoundFace] = []
    for cell, chance, box in zip(cells.tolist(), chances[order].tolist(), _boxes(cells, boxes), strict=True):
        if all(overlap(box, other.box) < _SAME for other in kept):
            kept.append(FoundFace(box, chance, _landmarks(box, landmarks.reshape(-1, LANDMARKS, 2)[cell].tolist())))
    return kept


def _logit(chance: float) -> float:
    return math.log(chance / (1.0 - chance)) if 0.0 < chance < 1.0 else -math.inf


def _boxes(cells: NDArray[np.intp], boxes: Floats) -> list[Box]:
    """In pixels of the square."""
    shape = boxes.reshape(-1, 4)[cells].astype(np.float64)
    middles = (np.stack((cells % CELLS, cells // CELLS), axis=1) + 0.5 + shape[:, :2]) * STRIDE
    sizes = STRIDE * np.exp(shape[:, 2:])
    corners = middles - sizes / 2
    return [Box(*corner, *size) for corner, size in zip(corners.tolist(), sizes.tolist(), strict=True)]


def _landmarks(box: Box, points: list[list[float]]) -> tuple[tuple[float, float], ...]:
    x, y = centre(box)
    return tuple((x + across * box.width, y + down * box.height) for across, down in points)
