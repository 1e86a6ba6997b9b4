"""What the network should answer: the votes, or the label with some doubt, and how much each face counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from models.face.data import Faces

Floats = NDArray[np.float32]

OWN_SHARE = 0.1  # of FER2013's own label beside the votes of FER+
SMOOTHING = 0.02
# How far one label alone is to be doubted, by set.
DOUBT = {"affectnet_oval": 0.15, "expw": 0.15, "lfw_imfdb_mux": 0.1, "habesha": 0.1}


def of_votes(faces: Faces) -> Floats:
    """A distribution over LABELS for every face of FER2013."""
    votes = faces.seven / faces.seven.sum(axis=1, keepdims=True)
    own = np.eye(len(LABELS), dtype=np.float32)[faces.label]
    return _smoothed((1 - OWN_SHARE) * votes + OWN_SHARE * own, SMOOTHING)


def of_labels(name: str, label: NDArray[np.int64]) -> Floats:
    """A distribution over LABELS for every face of the set `name`."""
    return _smoothed(np.eye(len(LABELS), dtype=np.float32)[label], DOUBT[name])


def weights(faces: Faces) -> Floats:
    """Faces that annotators placed outside the seven classes count less."""
    return np.asarray(faces.seven.sum(axis=1) / faces.votes.sum(axis=1), np.float32)


def _smoothed(wanted: Floats, doubt: float) -> Floats:
    return np.asarray((1 - doubt) * wanted + doubt / len(LABELS), np.float32)
