"""The face model: from a crop to a distribution over the labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.device import resources
from edge.errors import ConfigError, ModelError
from edge.face.crop import LEAST_SPREAD, shrink, to_grey
from edge.face.pixels import standardised
from edge.inference import CPU, Manifest, Model, Runtime, softmax
from edge.readings import LABELS, Probabilities

Floats = NDArray[np.float32]

MARGIN = (0.5, 4.0)  # of the crop, in heights of the face


class FaceClassifier:
    """What a face expresses. Not to be shared between threads.

    `side` and `margin` are what `crop_face` needs, as the model was trained. `natural_prior` is how common each label
    was among the faces that taught (logarithms, in the order of LABELS); it is in none of the answers.
    """

    def __init__(
        self, folder: Path | None = None, prior: Mapping[str, float] | None = None, runtime: Runtime = CPU
    ) -> None:
        """`prior` adds to the evidence for the labels it names: above zero a label is found more often."""
        folder = folder or resources.models() / "face"
        self._model = Model(folder, runtime)
        manifest = self._model.manifest
        if manifest.labels != LABELS:
            raise ModelError(f"{folder}: has the labels {', '.join(manifest.labels)}, not {', '.join(LABELS)}")
        try:
            self.side = int(manifest.preprocessing["side"])
            self.margin = float(manifest.preprocessing["margin"])
        except KeyError as missing:
            raise ModelError(f"{folder}/manifest.json: preprocessing lacks {missing}") from None
        except (TypeError, ValueError, OverflowError):
            raise ModelError(f"{folder}/manifest.json: preprocessing.side and margin must be numbers") from None
        tensors = [(tensor.name, tensor.shape) for tensor in (*manifest.inputs, *manifest.outputs)]
        if tensors != [("image", (1, self.side, self.side, 1)), ("logits", (1, len(LABELS)))]:
            raise ModelError(f"{folder}/manifest.json: a face model takes an image of its side and gives logits")
        if not MARGIN[0] <= self.margin <= MARGIN[1]:
            raise ModelError(f"{folder}/manifest.json: preprocessing.margin must be from {MARGIN[0]} to {MARGIN[1]}")
        self.natural_prior = _natural_prior(folder, manifest)
        self._temperature = manifest.temperature
        self._offsets = _offsets(prior or {})

    def classify(self, crop: NDArray[np.uint8], *, mirrored: bool = False) -> Probabilities:
        """Probabilities in the order of LABELS for a grey or BGR picture of a face, of any size.

        They hold where every label is equally common. `mirrored` shows the model the mirror image: whoever sees the
        same face several times alternates, and the mean is better than either.
        """
        return softmax(self.evidence(crop, mirrored=mirrored) + self._offsets)

    def classify_both_ways(self, crop: NDArray[np.uint8]) -> Probabilities:
        """The same from the face and its mirror image together, for a single picture: better, and twice the work."""
        evidence = (self.evidence(crop) + self.evidence(crop, mirrored=True)) / 2
        return softmax(evidence + self._offsets)

    def evidence(self, crop: NDArray[np.uint8], *, mirrored: bool = False) -> Floats:
        """How well the picture goes with each label: calibrated log-likelihoods, up to a constant."""
        return self.logits(crop, mirrored=mirrored) / np.float32(self._temperature)

    def logits(self, crop: NDArray[np.uint8], *, mirrored: bool = False) -> Floats:
        """What the model itself says, before temperature and prior; of a picture without contrast, nothing."""
        if crop.size == 0 or crop.dtype != np.uint8 or not _is_picture(crop.shape):
            raise ValueError(
                f"a face crop must hold 8-bit pixels, grey or BGR; this one is {crop.shape} of {crop.dtype}"
            )
        face = shrink(to_grey(crop), self.side)
        shown = np.asarray(cv2.flip(face, 1), np.uint8) if mirrored else face
        logits: Floats = self._model.run({"image": standardised(self._model, shown, LEAST_SPREAD)})["logits"][0]
        spread = float(cv2.meanStdDev(face)[1][0, 0])
        return logits * np.float32(min(1.0, spread / LEAST_SPREAD))


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def _natural_prior(folder: Path, manifest: Manifest) -> Floats:
    prior = manifest.natural_prior
    if not prior:
        raise ModelError(
            f"{folder}/manifest.json: natural_prior is missing; a model without it may have a prior in its answers"
        )
    if set(prior) != set(LABELS) or not all(math.isfinite(value) for value in prior.values()):
        raise ModelError(f"{folder}/manifest.json: natural_prior must hold a number for each label")
    return np.array([prior[label] for label in LABELS], np.float32)


def _offsets(prior: Mapping[str, float]) -> Floats:
    unknown = sorted(set(prior) - set(LABELS))
    if unknown:
        raise ConfigError(f"prior names {', '.join(unknown)}; the labels are {', '.join(LABELS)}")
    return np.array([prior.get(label, 0.0) for label in LABELS], np.float32)
