"""From a tile of a set to the square that the service would cut out: where does our finder see the face?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.crop import crop_face
from edge.face.finder import Finder, moved
from edge.readings import Box, FoundFace

Grey = NDArray[np.uint8]

REACH = 1.4  # sides of what the model sees: how much is kept around a face, for turning and shifting it
KEPT = 96  # pixels of it
_BORDERS = (0.6, 0.25)  # of a tile, around it: a face needs some room to be found
_SURE = 0.8
_FOUND = 0.5
_OFF = 0.2  # of the height: a box whose centre is farther from the usual place than this is another thing
_SIZES = 1.35  # so many times the usual height, or so much less
_DARK = 10  # grey levels: what is as dark as that and touches a corner lies outside of a cut-out face


@dataclass(frozen=True)
class Places:
    """Where the faces are in their tiles, and which of them our finder found."""

    boxes: tuple[Box, ...]
    found: NDArray[np.bool_]
    rolls: NDArray[np.float64]  # degrees by which the line of the eyes falls to the right


def places(images: Grey, find: Finder, least: float = _FOUND) -> Places:
    """The box of each face whose score is above `least`; where none is found, the usual place in this set."""
    faces = [best(image, find, least) for image in images]
    seen = [None if face is None else face.box for face in faces]
    numbers = np.array([_numbers(box) for box in seen if box is not None])
    x, y, width, height = np.median(numbers, axis=0) if len(numbers) else (*[images.shape[1] / 2] * 2, *[0.0] * 2)
    height = height or float(images.shape[1])
    usual = Box(x - width / 2, y - height / 2, width, height)
    good = [box is not None and _alike(box, usual) for box in seen]
    boxes = [box if box is not None and right else usual for box, right in zip(seen, good, strict=True)]
    rolls = [_roll(face) if face is not None and right else 0.0 for face, right in zip(faces, good, strict=True)]
    return Places(tuple(boxes), np.array(good), np.array(rolls))


def whole(side: int) -> Box:
    """The box of a tile that is a face and nothing else."""
    return Box(0.0, 0.0, float(side), float(side))


def kept(image: Grey, box: Box, margin: float) -> Grey:
    """The face with its surroundings, to be turned and shifted."""
    return crop_face(image, box, KEPT, REACH * margin)


def filled(image: Grey) -> tuple[Grey, NDArray[np.bool_]]:
    """A face that was cut out with its grey continued into the black around it, and where that was."""
    side = image.shape[0]
    outside = np.zeros((side + 2, side + 2), np.uint8)
    dark = (image <= _DARK).astype(np.uint8)
    for corner in ((0, 0), (0, side - 1), (side - 1, 0), (side - 1, side - 1)):
        if dark[corner]:
            cv2.floodFill(dark, outside, corner[::-1], 1, flags=4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    mask = cv2.dilate(outside[1:-1, 1:-1], np.ones((3, 3), np.uint8)) > 0
    return _continued(image, mask), mask


def _continued(image: Grey, mask: NDArray[np.bool_]) -> Grey:
    weight, result = (~mask).astype(np.float32), image.astype(np.float32)
    left = mask.copy()
    for sigma in (1.5, 3, 6, 12, 24, 48):
        share = cv2.GaussianBlur(weight, (0, 0), sigma)
        value = cv2.GaussianBlur(image * weight, (0, 0), sigma)
        now = left & (share > 0.15)
        result[now] = value[now] / share[now]
        left &= ~now
    if left.any() and not mask.all():
        result[left] = image[~mask].mean()
    return np.clip(result, 0, 255).astype(np.uint8)


def best(image: Grey, find: Finder, least: float = _FOUND) -> FoundFace | None:
    """The surest face in a tile."""
    surest = None
    for border in _BORDERS:
        room = round(border * image.shape[0])
        larger = cv2.copyMakeBorder(image, room, room, room, room, cv2.BORDER_REPLICATE)
        for face in find.find(np.asarray(larger)):
            if face.score > (surest.score if surest else least):
                surest = moved(face, 1.0, -room, -room)
        if surest and surest.score > _SURE:
            break
    return surest


def _roll(face: FoundFace) -> float:
    (left, upper), (right, lower) = face.landmarks[:2]
    return math.degrees(math.atan2(lower - upper, right - left))


def _numbers(box: Box) -> tuple[float, float, float, float]:
    return box.x + box.width / 2, box.y + box.height / 2, box.width, box.height


def _alike(box: Box, usual: Box) -> bool:
    (x, y, _, height), (usual_x, usual_y, _, usual_height) = _numbers(box), _numbers(usual)
    near = max(abs(x - usual_x), abs(y - usual_y)) < _OFF * usual_height
    return near and usual_height / _SIZES < height < usual_height * _SIZES
