"""How well a file hears feelings, through the service's own path, in people that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from edge.inference import softmax
from edge.readings import LABELS, Samples
from edge.speech.classifier import Classifier
from edge.speech.whole import classify_clip
from models.common.metrics import accuracy, bootstrap, confusion, expected_calibration_error, macro_recall, recalls
from models.speech import augment
from models.speech.corpora import Clip
from models.speech.dataset import class_index
from models.speech.recordings import read_clip

Change = Callable[[Samples, Generator], Samples]


@dataclass(frozen=True)
class Heard:
    """Answers for clips: logits at temperature one; NaN rows where no voice was heard."""

    clips: list[Clip]
    logits: NDArray[np.float64]

    def of(self, corpus: str) -> Heard:
        chosen = [number for number, clip in enumerate(self.clips) if clip.corpus == corpus]
        return Heard([self.clips[number] for number in chosen], self.logits[chosen])


def joined(parts: Iterable[Heard]) -> Heard:
    every = list(parts)
    return Heard([clip for part in every for clip in part.clips], np.concatenate([part.logits for part in every]))


def hear(folder: Path, clips: list[Clip], change: Change | None = None, name: str = "") -> Heard:
    """What the file in `folder` says to each clip, after `change`."""
    classifier = Classifier(folder)
    rows = np.full((len(clips), len(LABELS)), np.nan)
    for number, clip in enumerate(tqdm(clips, desc=name or folder.name, mininterval=20)):
        samples = read_clip(clip.path)
        if change is not None:
            samples = change(samples, np.random.default_rng(number))
        found = classify_clip(samples, classifier=classifier).probabilities
        if found is not None:
            rows[number] = np.log(np.maximum(found, 1e-9)) * classifier.temperature
    return Heard(clips, rows)


def judged(heard: Heard, temperature: float, intervals: bool = True) -> dict[str, Any]:
    """Accuracy (a clip without voice counts as wrong), macro recall, calibration, confusion."""
    truth = np.array([class_index(clip, LABELS) for clip in heard.clips])
    voiced = ~np.isnan(heard.logits[:, 0])
    guess = np.where(voiced, np.argmax(np.nan_to_num(heard.logits), axis=1), -1)
    right = guess == truth
    speakers = np.unique([clip.speaker for clip in heard.clips], return_inverse=True)[1]
    probabilities = np.array([softmax(row.astype(np.float32), temperature) for row in heard.logits[voiced]])
    result: dict[str, Any] = {
        "clips": len(truth),
        "speakers": int(speakers.max()) + 1,
        "accuracy": _round(accuracy(truth, guess)),
        "macro_recall": _round(macro_recall(truth[voiced], guess[voiced], len(LABELS))),
        "no_voice": int((~voiced).sum()),
    }
    if intervals:
        low, high = bootstrap(lambda draw: float(right[draw].mean()), len(truth), groups=speakers)
        result["accuracy_95"] = [_round(low), _round(high)]
        result["calibration_error"] = _round(expected_calibration_error(truth[voiced], probabilities))
        each = recalls(truth[voiced], guess[voiced], len(LABELS))
        result["recall"] = {
            label: _round(value) for label, value in zip(LABELS, each, strict=True) if not np.isnan(value)
        }
        result["confusion"] = confusion(truth[voiced], guess[voiced], len(LABELS)).tolist()
    return result


def conditions(noises: list[Samples]) -> dict[str, Change]:
    """What is done to clips, one thing at a time."""

    def noisy(snr_db: float) -> Change:
        def change(samples: Samples, draw: Generator) -> Samples:
            return augment.with_noise(samples, noises[int(draw.integers(len(noises)))], snr_db, draw)

        return change

    return {
        "noise 20 dB": noisy(20),
        "noise 10 dB": noisy(10),
        "noise 5 dB": noisy(5),
        "room 0.5 s": lambda samples, draw: augment.in_room(samples, 0.5, 1.0, draw),
        "far field 0.8 s": lambda samples, draw: augment.in_room(samples, 0.8, 0.5, draw),
        "telephone band": lambda samples, _: augment.through_band(samples, 300, 3400),
        "8 bit mu-law": lambda samples, _: augment.coarse(samples, 8),
        "level -15 dBFS": lambda samples, _: augment.at_level(samples, -15),
        "level -50 dBFS": lambda samples, _: augment.at_level(samples, -50),
        "speed 0.9": lambda samples, _: augment.at_speed(samples, 0.9),
        "speed 1.1": lambda samples, _: augment.at_speed(samples, 1.1),
    }


def _round(value: float) -> float:
    return round(float(value), 4)
