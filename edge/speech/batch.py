"""One answer for a whole clip, from the same streaming path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.device import resources
from edge.readings import Probabilities, Samples
from edge.speech.classifier import Classifier
from edge.speech.pooling import Sums
from edge.speech.quality import Window, quality
from edge.speech.segments import STEP_S, Phase, Segmenter
from edge.speech.settings import SpeechSettings


@dataclass(frozen=True)
class ClipResult:
    """`probabilities` is None where no voice is heard, or less than a chunk of it."""

    probabilities: Probabilities | None
    voiced_s: float
    quality: float  # at its best moment, as the service rates its readings
    sums: Sums  # what the answer rests on
    snr_db: float = 0.0  # at that moment


class ClipClassifier:
    """For many clips: the model and the voice detector are loaded once."""

    def __init__(self, folder: Path | None = None, settings: SpeechSettings | None = None) -> None:
        self.settings = settings or SpeechSettings()
        self.classifier = Classifier(folder or resources.models() / "speech")
        self._segmenter = Segmenter(self.settings)

    def classify(self, samples: Samples) -> ClipResult:
        """Listen to the clip as the service would and add up the statistics of all its voiced segments."""
        segmenter, classifier = self._segmenter, self.classifier
        segmenter.reset(self.settings)
        classifier.reset()
        sums = classifier.sums
        voiced, worth, snr_db, window = 0, 0.0, 0.0, Window()
        for steps in (segmenter.push(samples), segmenter.finish()):
            for step in steps:
                if step.phase is Phase.QUIET:
                    continue
                if step.phase is Phase.BEGIN:
                    sums = sums + classifier.sums
                    classifier.reset()
                    window = Window()
                voiced += step.is_voice
                window.add(step.voice, step.is_voice)
                if step.is_voice:
                    now = quality(window.snr_db, window.voiced, step.segment.voiced_s)
                    worth, snr_db = max((worth, snr_db), (now, window.snr_db))
                classifier.push(step.samples)
        sums = sums + classifier.sums
        return ClipResult(classifier.probabilities(sums, self.settings.prior), voiced * STEP_S, worth, sums, snr_db)
