"""The face model: from a crop to a distribution over the labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device import resources
from edge.errors import ConfigError, ModelError
from edge.face.crop import prepare, shrink, to_grey
from edge.inference import Model, softmax
from edge.readings import LABELS, Probabilities

MARGIN = (0.5, 4.0)  # of the crop, in heights of the face


class FaceClassifier:
    """What a face expresses. Not to be shared between threads.

    `side` and `margin` are what `crop_face` needs, as the model was trained.
    """

    def __init__(self, folder: Path | None = None, prior: Mapping[str, float] | None = None, threads: int = 1) -> None:
        """`prior` adds to the logits of the labels it names: above zero a label is found more often."""
        folder = folder or resources.models() / "face"
        self._model = Model(folder, threads)
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
        self._temperature = manifest.temperature
        self._offsets = _offsets(prior or {})

    def classify(self, crop: NDArray[np.uint8]) -> Probabilities:
        """Probabilities in the order of LABELS for a grey or BGR picture of a face, of any size."""
        return softmax(self.logits(crop) / np.float32(self._temperature) + self._offsets)

    def logits(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the model itself says, before temperature and prior."""
        if crop.size == 0 or crop.dtype != np.uint8 or not _is_picture(crop.shape):
            raise ValueError(
                f"a face crop must hold 8-bit pixels, grey or BGR; this one is {crop.shape} of {crop.dtype}"
            )
        face = shrink(to_grey(crop), self.side)
        logits: NDArray[np.float32] = self._model.run({"image": prepare(face)})["logits"][0]
        return logits


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def _offsets(prior: Mapping[str, float]) -> NDArray[np.float32]:
    unknown = sorted(set(prior) - set(LABELS))
    if unknown:
        raise ConfigError(f"prior names {', '.join(unknown)}; the labels are {', '.join(LABELS)}")
    return np.array([prior.get(label, 0.0) for label in LABELS], np.float32)
