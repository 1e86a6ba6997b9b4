"""How well a file hears feelings, through the service's own path, in people that it was not trained on."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from edge import speech
from edge.inference import read_manifest
from edge.readings import LABELS, Samples
from edge.speech.batch import ClipClassifier
from edge.speech.classifier import CLASSES, Classifier, of_labels
from models.common.calibration import softmax
from models.common.metrics import accuracy, bootstrap, confusion, expected_calibration_error, recalls
from models.speech import augment
from models.speech.corpora import Clip, class_index
from models.speech.recordings import read_clip

Change = Callable[[Samples, Generator], Samples]


@dataclass(frozen=True)
class Heard:
    """Answers for clips: logits of CLASSES; NaN rows where no voice was heard."""

    clips: list[Clip]
    logits: NDArray[np.float64]
    temperatures: NDArray[np.float64]  # by clip, of the file that was asked

    @property
    def labelled(self) -> NDArray[np.float64]:
        """Logits of LABELS that mean what they say; zeros where no voice was heard."""
        return np.asarray(of_labels(np.nan_to_num(self.logits)) / self.temperatures[:, None])

    def of(self, corpus: str) -> Heard:
        chosen = [number for number, clip in enumerate(self.clips) if clip.corpus == corpus]
        return Heard([self.clips[number] for number in chosen], self.logits[chosen], self.temperatures[chosen])

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return np.asarray(~np.isnan(self.logits[:, 0]))

    def guesses(self, classes: tuple[str, ...]) -> NDArray[np.int64]:
        """The likeliest of LABELS or CLASSES; -1 where no voice was heard, which is wrong."""
        known = np.nan_to_num(self.logits)
        logits = of_labels(known) if classes == LABELS else known
        return np.where(self.voiced, logits.argmax(axis=1), -1)

    def truth(self, classes: tuple[str, ...]) -> NDArray[np.int64]:
        return np.array([class_index(clip, classes) for clip in self.clips])


def joined(parts: Iterable[Heard]) -> Heard:
    every = list(parts)
    return Heard(
        [clip for part in every for clip in part.clips],
        np.concatenate([part.logits for part in every]),
        np.concatenate([part.temperatures for part in every]),
    )


def hear(folder: Path, clips: list[Clip], change: Change | None = None, name: str = "") -> Heard:
    """What the file in `folder` says to each clip, after `change`, whose name it is.

    Answers are kept beside the file for as long as it and the code that listens stay the same.
    """
    kept = folder / f"heard-{_fingerprint(folder, clips, name)}.npy"
    if kept.exists():
        return _judged_as(folder, clips, np.load(kept))
    listener = ClipClassifier(folder)
    rows = np.full((len(clips), len(CLASSES) + 1), np.nan)
    for number, clip in enumerate(tqdm(clips, desc=f"{folder.name} {name}", mininterval=20)):
        samples = read_clip(clip.path)
        if change is not None:
            samples = change(samples, np.random.default_rng(number))
        sums = listener.classify(samples).sums
        found = listener.classifier.logits(sums)
        if found is not None:
            rows[number] = *found, sums.weight
    np.save(kept, rows)
    return _judged_as(folder, clips, rows)


def _judged_as(folder: Path, clips: list[Clip], rows: NDArray[np.float64]) -> Heard:
    """Rows of logits and weight, with the certainty of the file."""
    certainty = Classifier(folder).certainty
    weights = np.where(np.isnan(rows[:, -1]), np.inf, rows[:, -1])
    return Heard(clips, rows[:, :-1], np.array([certainty.after(weight) for weight in weights.tolist()]))


def _fingerprint(folder: Path, clips: list[Clip], name: str) -> str:
    """Of the model but for its temperature, the clips, what is done to them, and all code that takes part."""
    code = [path.read_bytes() for path in sorted(Path(speech.__file__).parent.glob("*.py"))]
    changes = [Path(module.__file__ or "").read_bytes() for module in (augment, sys.modules[__name__])]
    manifest = read_manifest(folder)
    front = {name: value for name, value in manifest.preprocessing.items() if name != "brevity"}
    logits_alone = msgspec.structs.replace(manifest, temperature=1.0, preprocessing=front, metrics={})
    words = [msgspec.json.encode(logits_alone), *(clip.key.encode() for clip in clips), name.encode()]
    return hashlib.sha256(b"\0".join(code + changes + words)).hexdigest()[:16]


def judged(heard: Heard, *, intervals: bool = True) -> dict[str, Any]:
    """Accuracy and macro recall (a clip without voice counts as wrong), calibration, confusion."""
    truth, guess, voiced = heard.truth(LABELS), heard.guesses(LABELS), heard.voiced
    right = guess == truth
    speakers = np.unique([clip.speaker for clip in heard.clips], return_inverse=True)[1]
    probabilities = softmax(heard.labelled[voiced])
    result: dict[str, Any] = {
        "clips": len(truth),
        "speakers": int(speakers.max()) + 1,
        "accuracy": _round(accuracy(truth, guess)),
        "macro_recall": _round(_found(truth, guess)),
        "called_angry": _round(float(np.mean(guess == LABELS.index("angry")))),
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


def _found(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float:
    """Mean recall of the classes that occur; what was not heard was not found."""
    return float(np.mean([(guess[truth == label] == label).mean() for label in np.unique(truth)]))


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
        "Opus 12 kbit/s": lambda samples, _: augment.through_codec(samples, "OGG", "OPUS"),
        "GSM 6.10": lambda samples, _: augment.through_codec(samples, "WAV", "GSM610"),
        "level -15 dBFS": lambda samples, _: augment.at_level(samples, -15),
        "level -45 dBFS": lambda samples, _: augment.at_level(samples, -45),
        "speed 0.9": lambda samples, _: augment.at_speed(samples, 0.9),
        "speed 1.1": lambda samples, _: augment.at_speed(samples, 1.1),
    }


def _round(value: float) -> float:
    return round(float(value), 4)
