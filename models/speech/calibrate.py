"""How sure an answer may be: one temperature, from people and languages that the judged file has never heard.

Evidence under a uniform prior, so every class of a corpus counts the same, and so does every corpus. A file is judged
with the temperature that suits the other runs; the shipped one has that of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.speech.classifier import of_labels
from models.common.calibration import softmax
from models.speech.corpora import CORPORA, Clip, class_index

_TEMPERATURES = np.geomspace(0.2, 20, 90)
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Of a file for clips of people whom it has never heard: logits of CLASSES at temperature one."""

    clips: list[Clip]
    logits: Reals


def answers_of(run: Path, clips: dict[str, Clip]) -> Answers:
    """What training kept beside a run of the float network's answers."""
    with np.load(run / "float.npz") as kept:
        keys, logits = kept["keys"].tolist(), kept["logits"]
    return Answers([clips[key] for key in keys], logits.astype(np.float64))


def temperature_for(every: list[Answers]) -> float:
    """The one with the smallest negative log-likelihood, each corpus and each class in it counting the same.

    1 where there are no answers to go by.
    """
    if not every:
        return 1.0
    losses = np.mean([_losses(one) for one in every], axis=0)
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _losses(answers: Answers) -> Reals:
    """For each of _TEMPERATURES."""
    truth = np.array([class_index(clip, LABELS) for clip in answers.clips])
    corpora = np.array([clip.corpus for clip in answers.clips])
    parts = []
    for corpus in CORPORA:
        for label in range(len(LABELS)):
            mine = (corpora == corpus) & (truth == label)
            if mine.any():
                parts.append([_loss(answers.logits[mine], label, one) for one in _TEMPERATURES])
    return np.asarray(np.mean(parts, axis=0))


def _loss(logits: Reals, label: int, temperature: float) -> float:
    likely = softmax(of_labels(logits), temperature)[:, label]
    return float(-np.log(np.maximum(likely, 1e-9)).mean())
