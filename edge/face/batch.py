"""One picture, once: every face in it and what it expresses. For `emotion-edge classify face`."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face, to_grey
from edge.face.finder import Finder, moved
from edge.face.grid import SIDE
from edge.face.quality import detail_of, overall
from edge.face.search import everywhere
from edge.readings import Box, FaceQuality, FoundFace, Image, Probabilities

Luma = NDArray[np.uint8]

_LARGEST = 1280  # of the longer side: smaller faces than those that are seen then show nothing
_EDGE = 0.25  # of the picture, added on each side for a face that fills it


@dataclass(frozen=True, slots=True)
class FaceResult:
    """`box` in pixels of the picture; None where the whole picture is the face."""

    box: Box | None
    score: float
    probabilities: Probabilities
    quality: float
    detail: FaceQuality


def classify_picture(
    image: Image, classifier: FaceClassifier, find: Finder, *, cropped: bool = False
) -> list[FaceResult]:
    """Everybody in the picture, the largest face first; with `cropped` the picture is one face already."""
    if cropped:
        grey = to_grey(image)
        detail = detail_of(grey, float(min(grey.shape)))
        return [FaceResult(None, 1.0, classifier.classify_both_ways(grey), overall(detail, 1.0), detail)]
    results = []
    for face in find_everywhere(to_grey(image), find):
        crop = crop_face(image, face.box, classifier.side, classifier.margin)
        detail = detail_of(crop, face.box.height, margin=classifier.margin)
        probabilities = classifier.classify_both_ways(crop)
        results.append(FaceResult(face.box, face.score, probabilities, overall(detail, face.score), detail))
    return results


def find_everywhere(grey: Luma, find: Finder) -> list[FoundFace]:
    """Faces of every size in a picture of any size, the largest first."""
    scale = min(1.0, _LARGEST / max(grey.shape))
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    luma = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA)) if scale < 1.0 else grey
    longer = max(luma.shape)
    sides = [side for side in (longer // 2, longer // 4, longer // 8) if side >= SIDE]
    found = everywhere(luma, find, sides)
    if not found:
        found = _with_room(luma, find)
    return sorted(
        (moved(face, scale, 0.0, 0.0) for face in found), key=lambda face: (-face.box.height, face.box.x, face.box.y)
    )


def _with_room(luma: Luma, find: Finder) -> list[FoundFace]:
    """With a border: a face that touches the edge of the picture lacks what finders expect around it."""
    across, down = round(_EDGE * luma.shape[1]), round(_EDGE * luma.shape[0])
    larger = cv2.copyMakeBorder(luma, down, down, across, across, cv2.BORDER_REPLICATE)
    return [moved(face, 1.0, -across, -down) for face in find.find(np.asarray(larger))]
