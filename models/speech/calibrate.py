"""How sure an answer may be, by people and languages that the judged file has never heard.

Evidence under a uniform prior, so every class of a corpus counts the same, and so does every corpus. The temperature
falls with what was heard: fitted on answers after part of a clip and after all of it. A file is judged with the
temperature that suits the other runs; the shipped one has that of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.speech.classifier import Certainty, of_labels
from models.common.calibration import softmax
from models.speech.corpora import CORPORA, Clip, class_index

MOMENTS = (56, 80, 120, 200, 320, 800)  # frames of each segment after which an answer is asked for
_TEMPERATURES = np.geomspace(0.5, 16, 50)
_BREVITIES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0, 18.0, 25.0, 36.0, 50.0)
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Of a file for clips of people whom it has never heard: logits of CLASSES at temperature one, at each moment."""

    clips: list[Clip]
    logits: Reals  # (moments, clips, CLASSES); the last moment is the end
    weights: Reals  # (moments, clips): of the states that they rest on

    @cached_property
    def losses(self) -> Reals:
        """For each of _BREVITIES and _TEMPERATURES."""
        return _losses(self)


def keep_answers(run: Path, answers: Answers) -> None:
    """Beside the file."""
    keys = [clip.key for clip in answers.clips]
    np.savez_compressed(
        run / "float.npz",
        keys=keys,
        logits=answers.logits.astype(np.float32),
        weights=answers.weights.astype(np.float32),
    )


def answers_of(run: Path, clips: dict[str, Clip]) -> Answers:
    """What training kept beside a run of the float network's answers."""
    with np.load(run / "float.npz") as kept:
        keys, logits, weights = kept["keys"].tolist(), kept["logits"], kept["weights"]
    return Answers([clips[key] for key in keys], logits.astype(np.float64), weights.astype(np.float64))


def certainty_for(every: list[Answers]) -> Certainty:
    """The one with the smallest negative log-likelihood, each corpus and each class in it counting the same.

    A temperature of 1 where there are no answers to go by.
    """
    if not every:
        return Certainty(1.0)
    losses = np.mean([one.losses for one in every], axis=0)
    brevity, temperature = np.unravel_index(int(np.argmin(losses)), losses.shape)
    return Certainty(float(_TEMPERATURES[temperature]), _BREVITIES[brevity])


def _losses(answers: Answers) -> Reals:
    truth = np.array([class_index(clip, LABELS) for clip in answers.clips])
    corpora = np.array([clip.corpus for clip in answers.clips])
    parts = []
    for corpus in CORPORA:
        for label in range(len(LABELS)):
            mine = (corpora == corpus) & (truth == label)
            if mine.any():
                logits = of_labels(answers.logits[:, mine]).reshape(-1, len(LABELS))
                weights = np.maximum(answers.weights[:, mine].reshape(-1, 1), 1e-3)
                parts.append(
                    [
                        [_loss(logits / (1 + brevity / weights), label, one) for one in _TEMPERATURES]
                        for brevity in _BREVITIES
                    ]
                )
    return np.asarray(np.mean(parts, axis=0))


def _loss(logits: Reals, label: int, temperature: float) -> float:
    return float(-np.log(np.maximum(softmax(logits, temperature)[:, label], 1e-9)).mean())
