"""Faces and voices of people that the models never met, joined at random by label.

There are no recordings of both here. A pair says nothing of how face and voice of one person go together in life:
it only shows how far each model can be trusted beside the other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """What one model says of items it never saw, and how good it holds them to be."""

    truth: NDArray[np.int64]
    probabilities: Reals
    quality: Reals
    features: Reals  # what lies beneath the answer; of one space only within a group
    group: NDArray[np.int64]  # which network answered

    def where(self, chosen: NDArray[np.bool_]) -> Side:
        return Side(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


@dataclass(frozen=True)
class Pairs:
    """Row by row the same label, seen and heard."""

    truth: NDArray[np.int64]
    face: Reals
    speech: Reals
    face_quality: Reals
    speech_quality: Reals


def drawn(face: Side, speech: Side, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both sides for `count` pairs, each label equally often, drawn with replacement."""
    random = np.random.default_rng(seed)
    each = count // len(LABELS)
    picks = [
        [random.choice(np.flatnonzero(side.truth == label), each) for label in range(len(LABELS))]
        for side in (face, speech)
    ]
    return np.concatenate(picks[0]), np.concatenate(picks[1])


def joined(face: Side, speech: Side, rows: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Pairs:
    """The pairs of these rows."""
    seen, heard = rows
    return Pairs(
        face.truth[seen],
        face.probabilities[seen],
        speech.probabilities[heard],
        face.quality[seen],
        speech.quality[heard],
    )


def without(pairs: Pairs, modality: str) -> Pairs:
    """The same pairs with one side missing: quality zero, and nothing told."""
    even = np.full_like(pairs.face, 1 / len(LABELS))
    nothing = np.zeros(len(pairs.truth))
    if modality == "face":
        return Pairs(pairs.truth, even, pairs.speech, nothing, pairs.speech_quality)
    return Pairs(pairs.truth, pairs.face, even, pairs.face_quality, nothing)


def together(parts: list[Pairs]) -> Pairs:
    """Several sets of pairs as one."""
    return Pairs(**{field.name: np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(Pairs)})
