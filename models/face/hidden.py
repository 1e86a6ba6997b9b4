"""Faces of which a part is hidden, drawings, the dark: are they found, how good is their quality, what is claimed?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config.schema import Config
from edge.emotion.evidence import distribution, evidence_of
from edge.emotion.fusion import Said, learned_weights, weight_of
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face
from edge.face.finder import Finder
from edge.face.quality import detail_of, overall, pose
from edge.readings import Box
from models.face import degrade, framing, sets

Grey = NDArray[np.uint8]
_MOST = 400  # pictures
_SURE = 0.5
_LIGHT = 0.06


def measure(model: FaceClassifier, shown: sets.Tiles, places: framing.Places, find: Finder) -> dict[str, Any]:
    """For each way of hiding a face: the share found, the median quality of those, and of all pictures the shares for
    which a feeling would be claimed with more than half of the confidence, by the model and as fusion weighs it."""
    random = np.random.default_rng(0)
    chosen = range(0, len(shown), max(1, len(shown) // _MOST))
    table = {}
    for name, hide in _ways(random).items():
        rows = [_claim(model, hide(shown.images[i], places.boxes[i]), find) for i in chosen]
        found = [row for row in rows if row is not None]
        table[name] = {
            "pictures": len(rows),
            "found": len(found) / len(rows),
            "quality": float(np.median([quality for quality, _, _ in found])) if found else 0.0,
            "claimed": sum(claim > _SURE for _, claim, _ in found) / len(rows),
            "claimed_weighed": sum(claim > _SURE for _, _, claim in found) / len(rows),
        }
    return table


def _claim(model: FaceClassifier, picture: Grey, find: Finder) -> tuple[float, float, float] | None:
    """Quality, and the confidence in the strongest feeling before and after weighing."""
    face = framing.best(picture, find)
    if face is None:
        return None
    crop = crop_face(picture, face.box, model.side, model.margin)
    said = model.classify_both_ways(crop)
    quality = overall(detail_of(crop, face.box.height, pose(face), model.margin), face.score)
    evidence = evidence_of(said)
    weight = weight_of(Said("face", evidence, quality, 0.0), Config().fusion, learned_weights())
    return quality, max(said[1:]), max(distribution([weight * value for value in evidence])[1:])


def _ways(random: np.random.Generator) -> dict[str, Callable[[Grey, Box], Grey]]:
    return {
        "as they are": lambda picture, _: picture,
        "one half covered": lambda picture, box: _patch(picture, box, (-0.2, 1.2), (-0.3, 0.5), picture.mean()),
        "mouth covered": lambda picture, box: _patch(picture, box, (0.55, 1.02), (0.0, 1.0), 200),
        "eyes covered": lambda picture, box: _patch(picture, box, (0.12, 0.42), (0.0, 1.0), 20),
        "drawn with a pencil": lambda picture, _: _drawn(picture),
        f"in {_LIGHT:.0%} of the light": lambda picture, _: degrade.dark(picture, _LIGHT, random),
        "upside down": lambda picture, _: np.ascontiguousarray(picture[::-1]),
        "lying on its side": lambda picture, _: np.ascontiguousarray(np.rot90(picture)),
    }


def _patch(picture: Grey, box: Box, rows: tuple[float, float], columns: tuple[float, float], grey: float) -> Grey:
    """With a part of the box (in shares of its height and width) painted over."""
    top, bottom = (max(0, round(box.y + share * box.height)) for share in rows)
    left, right = (max(0, round(box.x + share * box.width)) for share in columns)
    painted = picture.copy()
    painted[top:bottom, left:right] = round(grey)
    return painted


def _drawn(picture: Grey) -> Grey:
    """As if with a pencil: what is as bright as its surroundings becomes white."""
    grey = picture.astype(np.float32)
    around = cv2.GaussianBlur(255 - grey, (0, 0), 3)
    return np.asarray(np.clip(grey * 255 / np.maximum(255 - around, 1), 0, 255), np.uint8)
