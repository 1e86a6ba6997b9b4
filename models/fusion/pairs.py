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
    """RAVDESS clips, each by a model that was trained without its speaker; every other speaker for judging."""
    answers: list[tuple[str, int, tuple[float, ...]]] = []
    for fold in range(len(FOLDS)):
        folder = next(iter(sorted(runs.glob(f"seed*-fold{fold}/manifest.json"))), None)
        if folder is None:
            continue
        classifier = Classifier(folder.parent)
        for clip in find_clips(data, ("ravdess",)):
            answer = classify_clip(read_clip(clip.path), classifier=classifier) if clip.fold() == fold else None
            if answer is not None and answer.probabilities is not None:
                answers.append((clip.speaker, class_index(clip, LABELS), answer.probabilities))
    speakers = sorted({speaker for speaker, _, _ in answers})
    if len(speakers) < 2:
        raise SystemExit(f"{runs}: holds no speech model of a fold; scripts/train speech makes them")
    return _of(answers, speakers[::2]), _of(answers, speakers[1::2])


def _of(answers: list[tuple[str, int, tuple[float, ...]]], speakers: list[str]) -> Side:
    chosen = [(truth, p) for speaker, truth, p in answers if speaker in speakers]
    return Side(np.array([truth for truth, _ in chosen]), np.array([p for _, p in chosen]))


def pair(face: Side, speech: Side, count: int, seed: int) -> Pairs:
    """`count` pairs, each label equally often, drawn with replacement."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(LABELS)), count // len(LABELS))
    pick_face = np.concatenate([random.choice(np.flatnonzero(face.truth == n), np.sum(truth == n)) for n in range(7)])
    pick_speech = np.concatenate(
        [random.choice(np.flatnonzero(speech.truth == n), np.sum(truth == n)) for n in range(7)]
    )
    return Pairs(truth, face.probabilities[pick_face], speech.probabilities[pick_speech])
