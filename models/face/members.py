"""Who answers a lesson: the teachers and, beside them, earlier models of a face, each asked both ways round.

Networks that learned in different ways are wrong about different faces, so their mean is better than each of them. One
that has not learned from a face counts more for it than those who may remember its label.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.face.classify import FaceClassifier
from edge.readings import LABELS
from models.face.learning import both_ways
from models.face.material import NAMES, part_of
from models.face.nets import Network, standardised

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
_STRANGER = 3.0  # how much the answer to a face that was not learned from counts against the others


@dataclass(frozen=True)
class Member:
    """Logits under a uniform prior for grey faces (items x 1 x side x side), of every set or of `only` one."""

    ask: Callable[[Any], Floats]
    only: str = ""  # one of NAMES
    without: int = -1  # the part of the faces that it has not learned from
    parts: int = 1  # of how many

    def weight(self, sets: Numbers, faces: Numbers) -> Floats:
        """How much its answer to each face counts: the numbers of their sets, and their own."""
        judges = sets == NAMES.index(self.only) if self.only else np.ones(len(sets), bool)
        strange = (faces >= 0) & (part_of(faces, self.parts) == self.without)
        return np.asarray(judges * np.where(strange, _STRANGER, 1.0), np.float32)


def mean(members: Sequence[Member], faces: Any, sets: Numbers, numbers: Numbers) -> Floats:
    """What those of the `members` who know a face say of it on average; `numbers` below 0 are faces nobody learned."""
    total = np.zeros((len(faces), len(LABELS)), np.float32)
    count = np.zeros((len(faces), 1), np.float32)
    for member in members:
        weight = member.weight(sets, numbers)
        here = weight > 0
        if here.any():
            shown = faces if here.all() else faces[np.flatnonzero(here)]
            total[here] += weight[here, None] * member.ask(shown)
            count += weight[:, None]
    return total / count


def of_network(network: Network, without: int = -1, parts: int = 1) -> Member:
    """A network that has just learned, from all faces but those of one of the `parts`; it answers for every face."""
    return Member(lambda faces: both_ways(network, standardised(faces.float())), without=without, parts=parts)


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

    def ask(faces: Any) -> Floats:
        grey = faces.cpu().numpy()[:, 0]
        looks = [(classifier.logits(face) + classifier.logits(face, mirrored=True)) / 2 for face in grey]
        return np.asarray(np.stack(looks) - within, np.float32)

    return Member(ask, name)
