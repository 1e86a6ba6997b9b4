"""Labels from a stronger detector, YuNet: more faces in the photographs, and where the face is in FER2013's tiles.

Its file (face_detection_yunet_*.onnx of the OpenCV zoo) is an ingredient of training, and no part of the product.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.face.boxes import overlap
from edge.readings import Box
from models.face import data as fer2013
from models.finder.photos import Floats, Grey, Photo

_SURE, _DOUBTFUL = 0.75, 0.3
_ENLARGE = 3.0  # of a tile; YuNet sees larger faces better
_EACH = 4  # every so many tiles of FER2013: enough people, and YuNet takes its time
_MARGIN = 16  # pixels around a tile, mirrored: a face that touches the edge is not found


class YuNet:
    """OpenCV's detector, for pictures of any size."""

    def __init__(self, file: Path, least: float = _DOUBTFUL) -> None:
        self._detector: Any = cv2.FaceDetectorYN.create(str(file), "", (160, 160), least, 0.3, 200)

    def find(self, picture: NDArray[np.uint8]) -> Floats:
        """Rows of x, y, width, height, ten landmark coordinates and the score, the surest first."""
        colour = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        self._detector.setInputSize((colour.shape[1], colour.shape[0]))
        _, found = self._detector.detect(colour)
        if found is None:
            return np.zeros((0, 15), np.float32)
        return np.asarray(found[np.argsort(-found[:, 14])], np.float32)


def with_all_faces(photos: list[Photo], yunet: YuNet, cache: Path) -> list[Photo]:
    """The photographs with the other faces in them, too; what may be one is marked as doubtful. Kept in `cache`."""
    if not cache.is_file():
        rows = {photo.name: _seen(photo.grey, yunet) for photo in tqdm(photos, "faces beside the first", mininterval=5)}
        np.savez(cache, **rows)
    with np.load(cache) as kept:
        return [_with_all_faces(photo, kept[photo.name]) for photo in photos]


def _seen(grey: Grey, yunet: YuNet) -> Floats:
    """What YuNet sees in it and in twice its size, the surest first."""
    twice = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    rows = np.concatenate([yunet.find(grey), yunet.find(twice) * np.array([0.5] * 14 + [1.0], np.float32)])
    return np.asarray(rows[np.argsort(-rows[:, 14])], np.float32)


def _with_all_faces(photo: Photo, rows: Floats) -> Photo:
    boxes, points = [photo.boxes[0]], [photo.points[0]]
    doubtful: list[Floats] = []
    for row in rows:
        if any(overlap(Box(*row[:4]), Box(*box)) > 0.2 for box in (*boxes, *doubtful)):
            continue
        if row[14] >= _SURE:
            boxes.append(row[:4])
            points.append(row[4:14].reshape(5, 2))
        else:
            doubtful.append(row[:4])
    none = np.zeros((0, 4), np.float32)
    return replace(
        photo, boxes=np.stack(boxes), points=np.stack(points), doubtful=np.stack(doubtful) if doubtful else none
    )


def tiles(folder: Path, yunet: YuNet, cache: Path) -> list[Photo]:
    """The tiles of FER2013's training part in which YuNet surely sees one face. Kept in `cache`."""
    faces = fer2013.load(folder, "Training").images[::_EACH]
    if not cache.is_file():
        rows = [_in_tile(tile, yunet) for tile in tqdm(faces, "faces of FER2013", mininterval=5)]
        np.save(cache, np.stack(rows))
    rows = np.load(cache)
    if len(rows) != len(faces):
        raise SystemExit(f"{cache}: made from other data; remove it")
    none = np.zeros((0, 4), np.float32)
    return [
        Photo(str(i), faces[i], rows[i, None, :4], rows[i, 4:14].reshape(1, 5, 2), none)
        for i in np.flatnonzero(rows[:, 14] >= _SURE)
    ]


def _in_tile(tile: Grey, yunet: YuNet) -> Floats:
    larger = cv2.copyMakeBorder(tile, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REFLECT_101)
    larger = cv2.resize(larger, None, fx=_ENLARGE, fy=_ENLARGE, interpolation=cv2.INTER_LINEAR)
    found = yunet.find(larger)
    if not len(found):
        return np.zeros(15, np.float32)
    row: Floats = found[0].copy()
    row[:14] /= _ENLARGE
    row[[0, 1, *range(4, 14)]] -= _MARGIN
    return row
