"""Faces and voices of people that the models never met, joined at random by label.

There are no recordings of both here. A pair says nothing of how face and voice of one person go together in life:
it only shows how far each model can be trusted beside the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.face.classify import FaceClassifier
from edge.readings import LABELS
from edge.speech.classifier import Classifier
from edge.speech.whole import classify_clip
from models.face import data as faces
from models.face.measure import probabilities
from models.speech.corpora import FOLDS, find_clips
from models.speech.dataset import class_index
from models.speech.recordings import read_clip


@dataclass(frozen=True)
class Side:
    """What one model says of items it never saw."""

    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> Side:
        return Side(self.truth[chosen], self.probabilities[chosen])


@dataclass(frozen=True)
class Pairs:
    """Row by row the same label, seen and heard."""

    truth: NDArray[np.int64]
    face: NDArray[np.float64]
    speech: NDArray[np.float64]


def seen(model: Path, data: Path) -> tuple[Side, Side]:
    """PublicTest by the votes' strict majority, in two halves: to learn from and to judge with."""
    loaded = faces.load(faces.find(data), "PublicTest")
    clear, truth = faces.strict_majority(loaded)
    side = Side(truth[clear], probabilities(FaceClassifier(model), loaded.images[clear]))
    odd = np.arange(len(side.truth)) % 2 == 1
    return side.where(~odd), side.where(odd)


def heard(runs: Path, data: Path) -> tuple[Side, Side]:
    """RAVDESS clips, each by the model that was trained without its speaker; first folds and last folds apart."""
    folders = {n: next(iter(sorted(runs.glob(f"seed*-fold{n}"))), None) for n in range(len(FOLDS))}
    halves: tuple[list[tuple[int, tuple[float, ...]]], ...] = ([], [])
    for fold, folder in folders.items():
        if folder is None or not (folder / "manifest.json").exists():
            continue
        classifier = Classifier(folder)
        for clip in find_clips(data, ("ravdess",)):
            if clip.fold() != fold:
                continue
            answer = classify_clip(read_clip(clip.path), classifier=classifier).probabilities
            if answer is not None:
                halves[fold % 2].append((class_index(clip, LABELS), answer))
    if not all(halves):
        raise SystemExit(f"{runs}: needs models of at least an even and an odd fold: scripts/train speech makes them")
    first, second = (Side(np.array([truth for truth, _ in half]), np.array([p for _, p in half])) for half in halves)
    return first, second


def pair(face: Side, speech: Side, count: int, seed: int) -> Pairs:
    """`count` pairs, each label equally often, drawn with replacement."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(LABELS)), count // len(LABELS))
    pick_face = np.concatenate([random.choice(np.flatnonzero(face.truth == n), np.sum(truth == n)) for n in range(7)])
    pick_speech = np.concatenate(
        [random.choice(np.flatnonzero(speech.truth == n), np.sum(truth == n)) for n in range(7)]
    )
    return Pairs(truth, face.probabilities[pick_face], speech.probabilities[pick_speech])
