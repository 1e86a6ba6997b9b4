"""From the faces in a picture to what the network should say of every cell: the inverse of `edge.face.grid`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.face.grid import CELLS, LANDMARKS, STRIDE

Floats = NDArray[np.float32]

SMALLEST = 10.0  # pixels of height; smaller faces are neither asked for nor wrong
_CORE, _RIM = 0.22, 0.55  # of width and height: cells there are the face, cells up to here may say so


@dataclass(frozen=True)
class Targets:
    """Of one picture, or a batch of them."""

    score: Floats  # cells x cells; 1 in the core of a face
    weight: Floats  # of the score; 0 where it does not matter
    box: Floats  # cells x cells x 4, see grid.decode
    landmarks: Floats  # cells x cells x 10
    shape: Floats  # weight of box and landmarks


def encode(boxes: Floats, points: Floats, doubtful: Floats) -> Targets:
    """`boxes` are x, y, width, height in pixels of the square; `doubtful` ones are left open."""
    score, weight = np.zeros((CELLS, CELLS), np.float32), np.ones((CELLS, CELLS), np.float32)
    box, shape = np.zeros((CELLS, CELLS, 4), np.float32), np.zeros((CELLS, CELLS), np.float32)
    landmarks = np.zeros((CELLS, CELLS, 2 * LANDMARKS), np.float32)
    at = (np.arange(CELLS, dtype=np.float32) + 0.5) * STRIDE
    across, down = np.meshgrid(at, at)
    for x, y, width, height in doubtful:
        inside = (np.abs(across - x - width / 2) < width * 0.6) & (np.abs(down - y - height / 2) < height * 0.6)
        weight[inside] = 0.0
    for i in np.argsort(-boxes[:, 3]):  # a smaller face before a larger one wins
        x, y, width, height = boxes[i]
        cx, cy = x + width / 2, y + height / 2
        distance = np.hypot((across - cx) / max(width, STRIDE), (down - cy) / max(height, STRIDE))
        if height < SMALLEST or not (0 <= cx < CELLS * STRIDE and 0 <= cy < CELLS * STRIDE):
            weight[distance < _RIM] = 0.0
            continue
        nearest = (int(cy / STRIDE), int(cx / STRIDE))
        core = distance < _CORE
        core[nearest] = True
        rim = (distance < _RIM) | core
        weight[rim & ~core] = 0.0
        score[rim & ~core] = 0.0
        score[core], weight[core] = 1.0, 1.0 / np.sqrt(core.sum())
        shape[rim], shape[core] = 0.2 / rim.sum(), 1.0 / core.sum()
        box[rim] = np.stack(
            [
                (cx - across[rim]) / STRIDE,
                (cy - down[rim]) / STRIDE,
                np.full(rim.sum(), np.log(width / STRIDE)),
                np.full(rim.sum(), np.log(height / STRIDE)),
            ],
            axis=1,
        )
        landmarks[rim] = ((points[i] - (cx, cy)) / (width, height)).reshape(-1)
    return Targets(score, weight, box, landmarks, shape)
