"""Fixed drawings and what the float network said of them, so that tests can tell what int8 costs.

Drawings, because no photograph of a data set may be committed.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.grid import CELLS, LANDMARKS, SIDE, prepare

FILE = "parity.json"
Floats = NDArray[np.float32]


def drawings() -> list[NDArray[np.uint8]]:
    """Six simple faces of different size and light."""
    return [_draw(height, light) for height in (20, 44, 90) for light in (90, 200)]


def prepared() -> Floats:
    """The drawings as the network takes them."""
    return np.concatenate([prepare(drawing) for drawing in drawings()])


def write(folder: Path, answers: list[tuple[Floats, Floats, Floats]]) -> None:
    """Keep what the float network says of the drawings, where it is surest of a face."""
    rows = [[round(float(value), 3) for value in _best(answer)] for answer in answers]
    (folder / FILE).write_text(json.dumps({"best_cell": rows}) + "\n")


def read(folder: Path) -> Floats:
    """What `write` kept: for each drawing the cell, and its score, box and landmarks."""
    return np.array(json.loads((folder / FILE).read_text())["best_cell"], np.float32)


def at(answer: tuple[Floats, Floats, Floats], cell: int) -> Floats:
    """Score, box and landmarks of a cell."""
    score, box, landmarks = answer
    parts = (score.reshape(-1)[cell : cell + 1], box.reshape(-1, 4)[cell], landmarks.reshape(-1, 2 * LANDMARKS)[cell])
    return np.concatenate(parts)


def _best(answer: tuple[Floats, Floats, Floats]) -> Floats:
    cell = int(answer[0].reshape(CELLS * CELLS).argmax())
    return np.concatenate([np.array([cell], np.float32), at(answer, cell)])


def _draw(height: int, light: int) -> NDArray[np.uint8]:
    picture = np.full((SIDE, SIDE), light // 3, np.uint8)
    unit = height / 46
    middle = SIDE // 2

    def place(x: float, y: float) -> tuple[int, int]:
        return round(middle + x * unit), round(middle + y * unit)

    def long(value: float) -> int:
        return max(1, round(value * unit))

    cv2.ellipse(picture, (middle, middle), (long(18), long(23)), 0, 0, 360, light, -1)
    for side in (-1, 1):
        cv2.circle(picture, place(8 * side, -5), long(2), light // 4, -1)
        cv2.line(picture, place(4 * side, -10), place(12 * side, -10), light // 3, long(1))
    cv2.line(picture, place(0, -2), place(-2, 5), light // 2, long(1))
    cv2.ellipse(picture, place(0, 12), (long(8), long(4)), 0, 0, 180, light // 5, long(2))
    return picture
