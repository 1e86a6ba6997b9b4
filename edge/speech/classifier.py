"""The model over one voiced segment: state in, state out, and evidence that adds up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference import Floats, Model, softmax
from edge.readings import LABELS, Probabilities, Samples
from edge.speech.features import FEATURES, SegmentFeatures, standardised
from edge.speech.spectrum import MELS

Sums = NDArray[np.float64]  # weighted evidence per label, then the weight: 8 numbers


class Classifier:
    """Give it a segment in order, `begin` it anew for the next one."""

    def __init__(self, folder: Path) -> None:
        self._model = Model(folder)
        manifest = self._model.manifest
        if manifest.labels != LABELS:
            raise ModelError(f"{folder}: the speech model knows {manifest.labels}, not {LABELS}; reinstall the service")
        self._cepstral_mean = _numbers(manifest.preprocessing, "cepstral_mean", MELS - 1, folder)
        self._mean = _numbers(manifest.preprocessing, "mean", FEATURES, folder)
        self._deviation = _numbers(manifest.preprocessing, "deviation", FEATURES, folder)
        self.temperature = manifest.temperature
        inputs, outputs = ([tensor.name for tensor in each] for each in (manifest.inputs, manifest.outputs))
        if inputs != ["features", "h", "c"] or outputs != ["h", "c", "evidence", "weight"]:
            raise ModelError(f"{folder}: the manifest names {inputs} and {outputs}, which is no speech model")
        self._units = next(tensor.shape[1] for tensor in manifest.inputs if tensor.name == "h")
        self.begin()

    def begin(self) -> None:
        """Forget everything: a segment begins."""
        self._features = SegmentFeatures(self._cepstral_mean)
        self._h: Floats = np.zeros((1, self._units), np.float32)
        self._c: Floats = np.zeros((1, self._units), np.float32)
        self.sums: Sums = np.zeros(len(LABELS) + 1)

    def push(self, samples: Samples) -> None:
        """Listen to more of the segment."""
        for chunk in self._features.push(samples):
            features = standardised(chunk, self._mean, self._deviation)[None]
            answer = self._model.run({"features": features, "h": self._h, "c": self._c})
            self._h, self._c = answer["h"], answer["c"]
            self.sums[:-1] += answer["evidence"][0]
            self.sums[-1] += answer["weight"][0, 0]

    def probabilities(self, sums: Sums, prior: Mapping[str, float]) -> Probabilities | None:
        """What the evidence says, with the prior's offsets on the logits; None where nothing was weighed yet."""
        if sums[-1] <= 0:
            return None
        offsets = np.array([prior.get(label, 0.0) for label in LABELS])
        logits = sums[:-1] / sums[-1] / self.temperature + offsets
        return softmax(logits.astype(np.float32))


def _numbers(preprocessing: Mapping[str, object], name: str, length: int, folder: Path) -> Floats:
    try:
        values = np.array(preprocessing.get(name, ()), np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.zeros(0)
    if values.shape != (length,) or not (np.abs(values) < np.finfo(np.float32).max).all():
        raise ModelError(f"{folder}: preprocessing.{name} in the manifest must hold {length} numbers")
    return values.astype(np.float32)
