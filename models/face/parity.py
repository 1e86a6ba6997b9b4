"""Fixed drawn faces and what the float network said of them, so that tests can tell what int8 costs.

Drawings, because no photograph of a data set may be committed.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.crop import prepare, shrink

FILE = "parity.json"
_MOUTHS = ((0, 180), (180, 360), (0, 360))  # smiling, sad, open: arcs in degrees
_SIDE = 48


def drawings() -> list[NDArray[np.uint8]]:
    """Twelve simple faces that differ in mouth, brows and light."""
    return [_draw(mouth, brow, light) for mouth in _MOUTHS for brow in (-3, 3) for light in (90, 200)]


def prepared(side: int) -> NDArray[np.float32]:
    """The drawings as a network that sees `side` pixels takes them."""
    return np.concatenate([prepare(shrink(face, side)) for face in drawings()])


def write(folder: Path, logits: NDArray[np.float32]) -> None:
    """Keep what the float network says of the drawings."""
    rows = [[round(float(value), 4) for value in row] for row in logits]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({"float_logits": rows}) + "\n")


def read(folder: Path) -> NDArray[np.float32]:
    """What `write` kept."""
    return np.array(json.loads((folder / FILE).read_text())["float_logits"], np.float32)


def _draw(mouth: tuple[int, int], brow: int, light: int) -> NDArray[np.uint8]:
    face = np.full((_SIDE, _SIDE), light // 3, np.uint8)
    cv2.ellipse(face, (24, 24), (18, 23), 0, 0, 360, light, -1)
    for side in (-1, 1):
        eye = 24 + 8 * side
        cv2.circle(face, (eye, 19), 2, light // 4, -1)
        cv2.line(face, (eye - 4 * side, 14 - brow), (eye + 4 * side, 14), light // 3, 1)
    cv2.line(face, (24, 22), (22, 29), light // 2, 1)
    cv2.ellipse(face, (24, 36), (8, 4), 0, mouth[0], mouth[1], light // 5, 2)
    return face
