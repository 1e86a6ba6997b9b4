"""Who answers a lesson: the teacher and, beside it, earlier models of a face, each asked both ways round.

Networks that learned in different ways are wrong about different faces, so their mean is better than each of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge.face.classify import FaceClassifier
from edge.readings import LABELS
from models.face.learning import both_ways
from models.face.material import NAMES
from models.face.nets import Network, standardised

Floats = NDArray[np.float32]
Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Member:
    """Logits under a uniform prior for grey faces (items x side x side), of every set or of `only` one."""

    ask: Callable[[Grey], Floats]
    only: str = ""  # one of NAMES

    def judges(self, sets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which faces it answers for; `sets` are their numbers in NAMES."""
        return sets == NAMES.index(self.only) if self.only else np.ones(len(sets), bool)


def mean(members: Sequence[Member], faces: Grey, sets: NDArray[np.int64]) -> Floats:
    """What those of the `members` who know a face say of it on average."""
    total = np.zeros((len(faces), len(LABELS)), np.float32)
    count = np.zeros((len(faces), 1), np.float32)
    for member in members:
        here = member.judges(sets)
        if here.any():
            total[here] += member.ask(faces[here])
            count[here] += 1
    return total / count


def of_network(network: Network) -> Member:
    """A network that has just learned; it answers for every face."""
    return Member(lambda faces: both_ways(network, standardised(torch.from_numpy(faces)[:, None].float())))


def of_files(given: str) -> Member:
    """An earlier model: the folder of its manifest, or NAME=FOLDER where it is to answer for the set NAME only.

    A model from before version 4 has a share of the natural prior in its logits: its manifest says how much, and must
    name that prior.
    """
    name, _, where = given.rpartition("=")
    if name and name not in NAMES:
        raise SystemExit(f"{name} is no set of faces; they are {', '.join(NAMES)}")
    folder = Path(where)
    classifier = FaceClassifier(folder)
    preprocessing = json.loads((folder / "manifest.json").read_text())["preprocessing"]
    within = np.float32(preprocessing.get("prior_share", 0.0)) * classifier.natural_prior

    def ask(faces: Grey) -> Floats:
        looks = [(classifier.logits(face) + classifier.logits(face, mirrored=True)) / 2 for face in faces]
        return np.asarray(np.stack(looks) - within, np.float32)

    return Member(ask, name)
