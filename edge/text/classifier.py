"""The text model: what the words of a text say, as evidence under a uniform prior."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device import resources
from edge.errors import ModelError
from edge.inference import Model, softmax
from edge.readings import LABELS, Probabilities
from edge.text.pieces import Pieces, normalised, sentences, words

NEUTRAL = LABELS.index("neutral")
DOUBT = 0.35  # a feeling less likely than this is none: words that mean nothing to the model look so
MAX_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Judged:
    """What a text says. `quality` is how far from neutral it is, 0..1: a text that claims no feeling has none."""

    probabilities: Probabilities
    quality: float

    @property
    def claims(self) -> bool:
        """Whether it says anything about a feeling."""
        return self.quality > 0.0


class TextClassifier:
    """Not to be shared between threads. It keeps nothing of what it reads."""

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or resources.models() / "text"
        self._model = Model(folder)
        manifest = self._model.manifest
        if manifest.labels != LABELS:
            raise ModelError(
                f"{folder}: the text model knows {manifest.labels}, not {LABELS}; use the model that came with this "
                "version, or retrain it"
            )
        self._steps = manifest.inputs[0].shape[-1]
        try:
            self._pieces = Pieces(str(manifest.preprocessing["pieces"]).split(" "))
        except (KeyError, ValueError):
            raise ModelError(f"{folder}/manifest.json: preprocessing.pieces is no vocabulary") from None
        self.temperature = manifest.temperature
        self.natural_prior = np.array([manifest.natural_prior.get(label, 0.0) for label in LABELS])

    def classify(self, text: str) -> Judged | None:
        """None for a text without a word."""
        logits = self.logits(text)
        return None if logits is None else self.judged(logits)

    def judged(self, logits: NDArray[np.float64]) -> Judged:
        """What these logits come to."""
        probabilities = softmax((logits / self.temperature).astype(np.float32))
        return Judged(probabilities, claim(probabilities))

    def logits(self, text: str) -> NDArray[np.float64] | None:
        """Of LABELS, at temperature one: the mean over the stretches that the model sees at once."""
        plain = normalised(text[:MAX_CHARACTERS])
        if not any(letter.isalnum() for word in words(plain) for letter in word):
            return None
        each = [self._of(stretch) for stretch in self._stretches(plain)]
        mean: NDArray[np.float64] = np.mean(each, axis=0)
        return mean

    def _of(self, ids: list[int]) -> NDArray[np.float64]:
        row = np.full((1, self._steps), len(self._pieces), np.float32)  # the number after the last means nothing
        row[0, : len(ids)] = ids
        logits: NDArray[np.float64] = self._model.run({"pieces": row})["logits"][0].astype(np.float64)
        return logits

    def _stretches(self, plain: str) -> list[list[int]]:
        """The pieces, as many sentences together as the model sees at once; a longer sentence is cut."""
        found: list[list[int]] = [[]]
        for sentence in sentences(plain):
            ids = self._pieces.ids(sentence)
            if found[-1] and len(found[-1]) + len(ids) > self._steps:
                found.append([])
            for at in range(0, len(ids), self._steps):
                if at:
                    found.append([])
                found[-1] += ids[at : at + self._steps]
        return [stretch for stretch in found if stretch]


def claim(probabilities: Probabilities) -> float:
    """How far the strongest feeling exceeds neutral and doubt, 0 where it does not: the quality of a text."""
    strongest = max(p for number, p in enumerate(probabilities) if number != NEUTRAL)
    return max(0.0, strongest - max(probabilities[NEUTRAL], DOUBT)) / (1.0 - DOUBT)
