"""One answer for a whole clip, from the same streaming path."""

from __future__ import annotations

from dataclasses import dataclass

from edge.device import resources
from edge.readings import Probabilities, Samples
from edge.speech.classifier import Classifier
from edge.speech.listening import Listener
from edge.speech.pooling import Sums
from edge.speech.quality import Window, quality
from edge.speech.segments import STEP_S, Turn
from edge.speech.settings import SpeechSettings


@dataclass(frozen=True)
class ClipResult:
    """`probabilities` is None where no voice is heard, or less than a tenth of a second of it."""

    probabilities: Probabilities | None
    voiced_s: float
    quality: float  # at its best moment, as the service rates its readings
    sums: Sums  # what the answer rests on


def classify_clip(
    samples: Samples, settings: SpeechSettings | None = None, classifier: Classifier | None = None
) -> ClipResult:
    """Listen to the clip as the service would and add up the statistics of all its voiced segments.

    A `classifier` given (for many clips) is begun anew.
    """
    settings = settings or SpeechSettings()
    classifier = classifier or Classifier(resources.models() / "speech")
    listener = Listener(settings)
    classifier.begin()
    sums = classifier.sums
    voiced, worth, window = 0, 0.0, Window()
    for pieces in (listener.push(samples), listener.rest()):
        for piece in pieces:
            if piece.turn is Turn.QUIET:
                continue
            if piece.turn is Turn.BEGIN:
                sums = sums + classifier.sums
                classifier.begin()
                window = Window()
            is_voice = piece.segment.pause == 0
            voiced += is_voice
            window.add(piece.heard, is_voice)
            if is_voice:
                worth = max(worth, quality(window.snr_db, window.voiced, piece.segment.voiced_s))
            classifier.push(piece.samples)
    sums = sums + classifier.sums
    return ClipResult(classifier.probabilities(sums, settings.prior), voiced * STEP_S, worth, sums)
