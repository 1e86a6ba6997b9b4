"""One picture, once: every face in it and what it expresses. For `emotion-edge classify face`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import overlap, without_doubles
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face, to_grey
from edge.face.finder import Finder
from edge.face.quality import quality_of
from edge.readings import Box, Face, Image, Probabilities

Luma = NDArray[np.uint8]

_SIDES = (160, 320, 640, 1280)  # of the longer side: finders see a face of 20 to 100 pixels best
_ENLARGE = 2.0  # at most: more shows nothing new
_ALONE = 0.6  # a face seen at one size only must be this sure,
_MISSED = 0.65  # and this if it would have been large enough at another size too
_LARGE_ENOUGH = 30.0  # pixels of height: most faces are found then
_SAME = 0.4
_EDGE = 0.25  # of the picture, added on each side for a face that fills it


@dataclass(frozen=True, slots=True)
class FaceResult:
    """`box` in pixels of the picture; None where the whole picture is the face."""

    box: Box | None
    score: float
    probabilities: Probabilities
    quality: float


def classify_picture(
    image: Image, classifier: FaceClassifier, find: Finder, *, cropped: bool = False
) -> list[FaceResult]:
    """Everybody in the picture, the largest face first; with `cropped` the picture is one face already."""
    if cropped:
        grey = to_grey(image)
        return [FaceResult(None, 1.0, classifier.classify(grey), quality_of(grey, float(min(grey.shape)), 1.0))]
    results = []
    for face in find_everywhere(to_grey(image), find):
        crop = crop_face(image, face.box, classifier.side, classifier.margin)
        quality = quality_of(crop, face.box.height, face.score)
        results.append(FaceResult(face.box, face.score, classifier.classify(crop), quality))
    return results


def find_everywhere(grey: Luma, find: Finder) -> list[Face]:
    """Faces of every size in a picture of any size, the largest first."""
    faces = _agreed(_at_all_sizes(grey, find))
    if not faces:
        faces = _agreed(_with_room(grey, find))
    return sorted(faces, key=lambda face: (-face.box.height, face.box.x, face.box.y))


def _at_all_sizes(grey: Luma, find: Finder) -> list[tuple[float, list[Face]]]:
    """What is found at each scale, in pixels of `grey`."""
    longer = max(grey.shape)
    scales = [side / longer for side in _SIDES if side / longer <= _ENLARGE]
    if longer < _SIDES[-1] and all(abs(scale - 1.0) > 0.2 for scale in scales):
        scales.append(1.0)
    return [(scale, _at(grey, scale, find)) for scale in scales]


def _at(grey: Luma, scale: float, find: Finder) -> list[Face]:
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    picture = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
    return [_moved(face, scale, 0, 0) for face in find.find(picture)]


def _with_room(grey: Luma, find: Finder) -> list[tuple[float, list[Face]]]:
    """As before, with a border: a face that touches the edge of the picture lacks what finders expect around it."""
    across, down = round(_EDGE * grey.shape[1]), round(_EDGE * grey.shape[0])
    larger = cv2.copyMakeBorder(grey, down, down, across, across, cv2.BORDER_REPLICATE)
    return [
        (scale, [_moved(face, 1.0, across, down) for face in found]) for scale, found in _at_all_sizes(larger, find)
    ]


def _moved(face: Face, scale: float, left: int, top: int) -> Face:
    box = face.box
    return Face(Box(box.x / scale - left, box.y / scale - top, box.width / scale, box.height / scale), face.score)


def _agreed(found: Sequence[tuple[float, Sequence[Face]]]) -> list[Face]:
    """Faces that were seen at two sizes, or surely enough at one; each once, with its best score."""
    good = []
    for i, (_, faces) in enumerate(found):
        others = [entry for j, entry in enumerate(found) if j != i]
        for face in faces:
            again = any(overlap(face.box, other.box) >= _SAME for _, seen in others for other in seen)
            missed = any(face.box.height * scale >= _LARGE_ENOUGH for scale, _ in others)
            if again or face.score >= (_MISSED if missed else _ALONE):
                good.append(face)
    return without_doubles(good)
