"""The model over one voiced segment after the other: state in, state out, and statistics that add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference import Floats, Model, softmax
from edge.readings import LABELS, Probabilities, Samples
from edge.speech.features import FEATURES, LIMIT, SegmentFeatures, standardised
from edge.speech.pooling import Sums
from edge.speech.spectrum import MELS
from edge.speech.usual import Usual

CALM = "calm"  # what the model tells apart from neutral and the service does not
CLASSES = (*LABELS, CALM)
_INPUTS = ("features", "bands", "h", "c", "statistics")
_OUTPUTS = ("states", "weights", "c", "logits")


@dataclass(frozen=True)
class Certainty:
    """How sure the logits make: what divides them. Little heard says little, whatever it sounds like."""

    temperature: float  # in the long run
    brevity: float = 0.0  # states that must have been weighed before that is less than doubled

    def after(self, weight: float) -> float:
        """When states of this weight together have been heard."""
        return self.temperature * (1 + self.brevity / weight)


class Classifier:
    """Give it a segment in order; `reset` before the next one. `usual` is what it has learned of the voice so far."""

    def __init__(self, folder: Path) -> None:
        self._model = Model(folder)
        manifest = self._model.manifest
        if manifest.labels != CLASSES:
            raise ModelError(
                f"{folder}: the speech model knows {manifest.labels}, not {CLASSES}; use the model that came with "
                "this version, or retrain it"
            )
        names = tuple(tuple(tensor.name for tensor in each) for each in (manifest.inputs, manifest.outputs))
        if names != (_INPUTS, _OUTPUTS):
            raise ModelError(
                f"{folder}: a speech model of another version (its inputs are {', '.join(names[0])}; this service "
                f"gives {', '.join(_INPUTS)}); use the model that came with this version, or retrain it"
            )
        self._cepstral_mean = _numbers(manifest.preprocessing, "cepstral_mean", MELS - 1, folder)
        self._mean = _numbers(manifest.preprocessing, "mean", FEATURES, folder)
        self._deviation = _numbers(manifest.preprocessing, "deviation", FEATURES, folder)
        units = 2 * manifest.inputs[_INPUTS.index("h")].shape[-1]
        self._statistics_mean = _numbers(manifest.preprocessing, "statistics_mean", units, folder)
        self._statistics_deviation = _numbers(manifest.preprocessing, "statistics_deviation", units, folder)
        self._expected = _expected(manifest.preprocessing, units, folder)
        self.certainty = Certainty(manifest.temperature, _brevity(manifest.preprocessing, folder))
        self._empty = {
            tensor.name: self._model.quantised(tensor.name, np.zeros(tensor.shape, np.float32))
            for tensor in manifest.inputs
        }
        self.forget()
        self.reset()

    def forget(self) -> None:
        """Somebody else may speak: nothing is known of the voice."""
        self.usual = Usual.nothing(len(self._statistics_mean))

    def learn(self, sums: Sums) -> None:
        """What the voice is like, from a segment that is over."""
        if self._expected is None:
            return
        logits = self.logits(sums)
        if logits is not None:
            cooled = (of_labels(logits) / self.certainty.after(sums.weight)).astype(np.float32)
            self.usual = self.usual.after(self._plain(sums), cooled, sums.weight, self._expected)

    def reset(self) -> None:
        """Forget everything: a segment begins."""
        self._features = SegmentFeatures(self._cepstral_mean)
        self._h, self._c = self._empty["h"], self._empty["c"]
        self.sums = Sums.nothing(self._h.shape[1])

    def push(self, samples: Samples) -> None:
        """Listen to more of the segment."""
        for chunk in self._features.push(samples):
            features = standardised(chunk.features, self._mean, self._deviation)[None]
            inputs = {"features": features, "bands": chunk.bands[None], "h": self._h, "c": self._c}
            answer = self._model.run({**self._empty, **inputs})
            self._h, self._c = answer["states"][-1:], answer["c"]
            self.sums = self.sums.with_states(answer["states"], answer["weights"])

    def logits(self, sums: Sums) -> NDArray[np.float64] | None:
        """Of CLASSES, for these statistics beyond what is usual; None where nothing was weighed yet."""
        if sums.weight <= 0:
            return None
        statistics = np.clip(self._plain(sums) - self.usual.offset, -LIMIT, LIMIT)
        answer = self._model.answer({**self._empty, "statistics": statistics[None]})
        logits: NDArray[np.float64] = answer["logits"][0].astype(np.float64)
        return logits

    def _plain(self, sums: Sums) -> Floats:
        """Standardised, whatever is usual."""
        return standardised(sums.statistics(), self._statistics_mean, self._statistics_deviation)

    def probabilities(self, sums: Sums, prior: Mapping[str, float]) -> Probabilities | None:
        """What the statistics say, with the prior's offsets on the logits; None where nothing was weighed yet."""
        logits = self.logits(sums)
        if logits is None:
            return None
        offsets = np.array([prior.get(label, 0.0) for label in LABELS])
        return softmax((of_labels(logits) / self.certainty.after(sums.weight) + offsets).astype(np.float32))

    def eight(self, sums: Sums) -> tuple[float, ...] | None:
        """Probabilities of CLASSES, to compare on a corpus that tells calm from neutral."""
        logits = self.logits(sums)
        return None if logits is None else softmax((logits / self.certainty.after(sums.weight)).astype(np.float32))


def of_labels(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logits of LABELS from those of CLASSES: neutral is what sounds neutral or calm, each half of the time.

    Before the temperature: cooled first, neutral would lose where nobody is calm, which only one corpus can tell.
    """
    kept = logits[..., : len(LABELS)].copy()
    kept[..., 0] = np.logaddexp(kept[..., 0], logits[..., -1]) - np.log(2)
    return kept


def _brevity(preprocessing: Mapping[str, object], folder: Path) -> float:
    """Files of before have none."""
    value = preprocessing.get("brevity", 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1000:
        raise ModelError(f"{folder}: preprocessing.brevity in the manifest must be a number from 0 to 1000")
    return float(value)


def _expected(preprocessing: Mapping[str, object], units: int, folder: Path) -> Floats | None:
    """What each label's statistics are like; files of before have none, and nothing is learned of a voice."""
    if "expected" not in preprocessing:
        return None
    return _numbers(preprocessing, "expected", len(LABELS) * units, folder).reshape(len(LABELS), units)


def _numbers(preprocessing: Mapping[str, object], name: str, length: int, folder: Path) -> Floats:
    try:
        values = np.array(preprocessing.get(name, ()), np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.zeros(0)
    if values.shape != (length,) or not (np.abs(values) < np.finfo(np.float32).max).all():
        raise ModelError(f"{folder}: preprocessing.{name} in the manifest must hold {length} numbers")
    return values.astype(np.float32)
