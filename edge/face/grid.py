"""What the finder's network says of a picture: a grid of cells, each with a score, a box and five landmarks.

Training encodes with the same numbers that are decoded here.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import overlap
from edge.readings import Box, Face

Floats = NDArray[np.float32]

SIDE = 128  # of the picture that the network takes
STRIDE = 8  # pixels from one cell to the next
CELLS = SIDE // STRIDE
LANDMARKS = 5  # the left eye in the picture, the right eye, nose, the mouth's left and right corner

# A picture with less contrast than this (in grey levels) is noise, and is not stretched further.
_LEAST_SPREAD = 5.0
_SAME = 0.35  # overlap from which two answers are one face
_MOST = 60  # answers that are looked at; the others are weaker


def prepare(luma: NDArray[np.uint8]) -> Floats:
    """A square of SIDE pixels, standardised so that light and contrast matter little: (1, SIDE, SIDE, 1)."""
    values = luma.astype(np.float32)
    values -= values.mean()
    values /= max(float(values.std()), _LEAST_SPREAD)
    return values[np.newaxis, :, :, np.newaxis]


def fitted(luma: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """The picture brought into a square of SIDE pixels, at its top left, and its scale there.

    What it does not fill has the picture's mean. Small pictures are enlarged.
    """
    height, width = luma.shape
    scale = SIDE / max(height, width)
    size = (min(SIDE, max(1, round(width * scale))), min(SIDE, max(1, round(height * scale))))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
    if size == (SIDE, SIDE):
        return np.asarray(small, np.uint8), scale
    square = np.full((SIDE, SIDE), round(float(small.mean())), np.uint8)
    square[: size[1], : size[0]] = small
    return square, scale


def decode(scores: Floats, boxes: Floats, landmarks: Floats, least: float, middle: float = 0.0) -> list[Face]:
    """Faces in pixels of the square with at least the score `least`, the surest first, each once.

    `scores` are logits, cells x cells, and `middle` is the one that makes a half. `boxes` hold the centre's way from
    the cell's in cells and the logarithms of width and height in cells; `landmarks` lie around the centre, in widths
    and heights of the box.
    """
    chances = 1.0 / (1.0 + np.exp(middle - scores.reshape(-1).astype(np.float64)))
    order = np.argsort(-chances, kind="stable")[:_MOST]
    kept: list[Face] = []
    for i in order[chances[order] >= least]:
        row, column = divmod(int(i), CELLS)
        face = _face(row, column, boxes[row, column], landmarks[row, column], float(chances[i]))
        if all(overlap(face.box, other.box) < _SAME for other in kept):
            kept.append(face)
    return kept


def _face(row: int, column: int, box: Floats, landmarks: Floats, score: float) -> Face:
    across, down, wide, high = (float(value) for value in box)
    x, y = (column + 0.5 + across) * STRIDE, (row + 0.5 + down) * STRIDE
    width, height = STRIDE * float(np.exp(wide)), STRIDE * float(np.exp(high))
    points = landmarks.reshape(LANDMARKS, 2)
    return Face(
        Box(x - width / 2, y - height / 2, width, height),
        score,
        tuple((x + float(px) * width, y + float(py) * height) for px, py in points),
    )
