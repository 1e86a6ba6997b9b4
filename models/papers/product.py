"""What the product's own models reach on the people whom the papers' systems are judged by."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from edge.face.classify import FaceClassifier
from models.papers.pictures import Pixels


def voices(models: Path) -> dict[str, float]:
    """From the speech model's own evaluation: each figure is of a model that never heard these people."""
    told = json.loads((models / "speech" / "metrics.json").read_text())
    first = next((fold for name, fold in told["folds"].items() if name.endswith("fold0")), None)
    found = {"tess": told["held_out"]["tess"]["accuracy"]} if "tess" in told["held_out"] else {}
    if first is not None:
        found |= {"ravdess": first["eight"], "ravdess, seven classes": first["seven"]}
    return found


def faces(models: Path, judged: Pixels) -> float:
    """The accuracy of the shipped face model on the side of FER2013 held out, by FER2013's own labels."""
    model, held = FaceClassifier(models / "face"), judged.split[1]
    said = np.array([model.evidence(face).argmax() for face in judged.grey[held]])
    return float((said == judged.truth[held]).mean())
