"""One answer for a whole clip, from the same streaming path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge import resources
from edge.readings import LABELS, Probabilities, Samples
from edge.speech.classifier import Classifier
from edge.speech.listening import Listener
from edge.speech.segments import STEP_S, Turn
from edge.speech.settings import SpeechSettings


@dataclass(frozen=True)
class ClipResult:
    """`probabilities` is None where no voice is heard, or less than a tenth of a second of it."""

    probabilities: Probabilities | None
    voiced_s: float


def classify_clip(
    samples: Samples, settings: SpeechSettings | None = None, classifier: Classifier | None = None
) -> ClipResult:
    """Listen to the clip as the service would and add up the evidence of all its voiced segments.

    A `classifier` given (for many clips) is begun anew.
    """
    settings = settings or SpeechSettings()
    classifier = classifier or Classifier(resources.models() / "speech")
    listener = Listener(settings)
    sums = np.zeros(len(LABELS) + 1)
    classifier.begin()
    voiced = 0
    for pieces in (listener.push(samples), listener.rest()):
        for piece in pieces:
            if piece.turn is Turn.QUIET:
                continue
            if piece.turn is Turn.BEGIN:
                sums += classifier.sums
                classifier.begin()
            voiced += piece.segment.pause == 0
            classifier.push(piece.samples)
    return ClipResult(classifier.probabilities(sums + classifier.sums, settings.prior), voiced * STEP_S)
