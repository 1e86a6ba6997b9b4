"""What the network should answer: the votes, a little of FER2013's own label, and how much each face counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from models.face.data import Faces, strict_majority

# The share of FER2013's own label in the target, by what is aimed at.
OWN_SHARE = {"ferplus": 0.1, "fer2013": 0.8}
SMOOTHING = 0.02


def soft(faces: Faces, aim: str) -> NDArray[np.float32]:
    """A distribution over LABELS for every face."""
    classes = len(LABELS)
    votes = faces.seven / faces.seven.sum(axis=1, keepdims=True)
    own = np.eye(classes, dtype=np.float32)[faces.label]
    blended = (1 - OWN_SHARE[aim]) * votes + OWN_SHARE[aim] * own
    return np.asarray((1 - SMOOTHING) * blended + SMOOTHING / classes, np.float32)


def prior(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """How common each class is."""
    return np.asarray(targets.mean(axis=0), np.float32)


def weights(faces: Faces, aim: str) -> NDArray[np.float32]:
    """Faces that annotators placed outside the seven classes count less; for FER2013's labels all count alike."""
    if aim == "fer2013":
        return np.ones(len(faces), np.float32)
    return np.asarray(faces.seven.sum(axis=1) / faces.votes.sum(axis=1), np.float32)


def truth(faces: Faces, aim: str) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which faces have a clear answer under `aim`, and the answers."""
    if aim == "fer2013":
        return np.ones(len(faces), bool), faces.label
    return strict_majority(faces)
