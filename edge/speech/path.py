"""The speech path: sound in, in order; readings out."""

from __future__ import annotations

from pathlib import Path

from edge.device import resources
from edge.readings import SAMPLE_RATE, Sound, SpeechReading
from edge.speech.classifier import Classifier
from edge.speech.hearing import STEP
from edge.speech.listening import Listener, Piece
from edge.speech.quality import Window, quality
from edge.speech.segments import STEP_S, Segment, Turn
from edge.speech.settings import SpeechSettings

GAP_S = 0.1  # what the clock of a sound card may wander within two blocks; more is missing sound
_HEARTBEAT_S = 1.0
_NEW_VOICE_S = 0.2  # voice since the last reading that is worth a last one when the segment ends


class SpeechPath:
    """Sound in, in order; readings out. Owned by one thread."""

    def __init__(self, settings: SpeechSettings, folder: Path | None = None) -> None:
        self._settings = settings
        self._classifier = Classifier(folder or resources.models() / "speech")
        self._listener = Listener(settings)
        self.reset()

    def reset(self) -> None:
        """Forget all: the room, the segment, the time."""
        self._listener.begin(self._settings)
        self._window = Window()
        self._time: float | None = None  # of the next sample to be judged
        self._begin_segment()
        self._quiet_s = 0.0  # since anything was said

    def apply(self, settings: SpeechSettings) -> None:
        """Thresholds that changed while we listen; what was heard so far stays."""
        self._settings = settings
        self._listener.apply(settings)

    def process(self, sound: Sound) -> list[SpeechReading]:
        """Readings that this block completes; blocks may have any length. A gap in time ends the segment."""
        readings = self._across_gap(sound)
        self._time = sound.time - self._listener.waiting_s
        for piece in self._listener.push(sound.samples):
            readings += self._follow(piece)
        return readings

    def finish(self) -> list[SpeechReading]:
        """What is pending, at the end of a recording. What comes after begins anew."""
        if self._time is None:
            return []
        readings = []
        for piece in self._listener.rest():
            readings += self._follow(piece)
        readings += self._last_of(self._listener.interrupt(), self._time)
        self._time = None
        return readings

    def _across_gap(self, sound: Sound) -> list[SpeechReading]:
        if self._time is None:
            return []
        expected = self._time + self._listener.waiting_s
        if abs(sound.time - expected) <= GAP_S:
            return []
        self._quiet_s = 0.0
        return self._last_of(self._listener.interrupt(), self._time)

    def _follow(self, piece: Piece) -> list[SpeechReading]:
        assert self._time is not None  # noqa: S101 - process() has set it
        self._time += STEP / SAMPLE_RATE
        self._quiet_s += STEP_S
        if piece.turn is Turn.QUIET:
            return self._heartbeat(piece)
        if piece.turn is Turn.BEGIN:
            self._begin_segment()
        self._window.add(piece.heard, piece.segment.pause == 0)
        self._since_s += len(piece.samples) / SAMPLE_RATE
        self._classifier.push(piece.samples)
        if piece.turn is Turn.END:
            return self._last_of(piece.segment, self._time)
        due = self._since_s >= self._settings.hop_s or not self._read_voiced_s
        if due and piece.segment.pause == 0 and piece.segment.voiced_s >= self._settings.min_voice_s:
            return self._reading(piece.segment, self._time)
        return []

    def _begin_segment(self) -> None:
        self._classifier.begin()
        self._window = Window()
        self._since_s = 0.0  # sound since the last reading
        self._read_voiced_s = 0.0  # voice at the last reading of this segment

    def _last_of(self, segment: Segment, time: float) -> list[SpeechReading]:
        """The reading that a segment ends with, if it heard enough since the one before."""
        if segment.voiced_s < self._settings.min_voice_s or segment.voiced_s - self._read_voiced_s < _NEW_VOICE_S:
            return []
        return self._reading(segment, time)

    def _reading(self, segment: Segment, time: float) -> list[SpeechReading]:
        probabilities = self._classifier.probabilities(self._classifier.sums, self._settings.prior)
        if probabilities is None:
            return []
        self._since_s, self._quiet_s = 0.0, 0.0
        self._read_voiced_s = segment.voiced_s
        snr_db, voiced = self._window.snr_db, self._window.voiced
        worth = quality(snr_db, voiced, segment.voiced_s)
        return [SpeechReading(time, probabilities, worth, snr_db, voiced, segment.number)]

    def _heartbeat(self, piece: Piece) -> list[SpeechReading]:
        """Nobody speaks, and the microphone works."""
        if self._quiet_s < _HEARTBEAT_S or self._time is None:
            return []
        self._quiet_s = 0.0
        return [SpeechReading(self._time, None, segment=piece.segment.number)]
