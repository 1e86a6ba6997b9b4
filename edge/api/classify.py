"""One picture, one clip or one text, judged once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.api.answers import FaceEmotion, SpeechEmotion, TextEmotion, named
from edge.api.sound import at_16_khz
from edge.device import resources
from edge.face.batch import classify_picture
from edge.face.classify import FaceClassifier
from edge.face.finder import SingleShot
from edge.readings import SAMPLE_RATE
from edge.speech.batch import ClipClassifier
from edge.text.classifier import TextClassifier


class Face:
    """Finds the faces in a picture and says what each expresses. One for each thread.

    `model` is a folder with a manifest.json, instead of the model that comes with the package.
    """

    def __init__(self, model: Path | str | None = None) -> None:
        self._classifier = FaceClassifier(Path(model) if model else None)
        self._find = SingleShot(folder=resources.models() / "finder")

    def classify(self, image: NDArray[np.uint8], *, cropped: bool = False) -> list[FaceEmotion]:
        """Everybody in the picture, the largest face first; an empty list when there is nobody.

        `image` holds 8-bit pixels, grey or blue-green-red as OpenCV reads them. `cropped`: it is one face already.
        """
        return [
            FaceEmotion(
                named(found.probabilities),
                found.quality,
                None if found.box is None else (found.box.x, found.box.y, found.box.width, found.box.height),
                found.score,
            )
            for found in classify_picture(image, self._classifier, self._find, cropped=cropped)
        ]


class Speech:
    """Says what the voice in a clip expresses. One for each thread.

    `model` is a folder with a manifest.json, instead of the model that comes with the package.
    """

    def __init__(self, model: Path | str | None = None) -> None:
        self._clips = ClipClassifier(Path(model) if model else None)

    def classify(self, samples: NDArray[np.generic], rate: int = SAMPLE_RATE) -> SpeechEmotion | None:
        """The emotion of all voice in the clip; None when there is none, or too little to judge.

        `samples` are floats within -1..1 or integers, one row or samples x channels, at `rate` samples a second.
        """
        heard = self._clips.classify(at_16_khz(samples, rate))
        if heard.probabilities is None:
            return None
        return SpeechEmotion(named(heard.probabilities), heard.quality, heard.voiced_s)


class Text:
    """Says what the words of a text express, in English, German, French, Spanish or Italian. One for each thread.

    `model` is a folder with a manifest.json, instead of the model that comes with the package.
    """

    def __init__(self, model: Path | str | None = None) -> None:
        self._classifier = TextClassifier(Path(model) if model else None)

    def classify(self, text: str) -> TextEmotion | None:
        """What the first 2,000 characters say; None for a text without a word."""
        judged = self._classifier.classify(text)
        return None if judged is None else TextEmotion(named(judged.probabilities), judged.quality)
