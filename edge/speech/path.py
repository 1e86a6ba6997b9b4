"""The speech path: sound in, in order; readings out."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from edge.device import resources
from edge.readings import SAMPLE_RATE, SILENCE_S, Sound, SpeechReading
from edge.speech.classifier import Classifier
from edge.speech.quality import Window, quality
from edge.speech.segments import STEP_S, Phase, Segment, Segmenter, SegmentStep
from edge.speech.settings import SpeechSettings

GAP_S = 0.1  # what the clock of a sound card may wander within two blocks; more is missing sound
_HEARTBEAT_S = 1.0
_MOST_LEVELS = 125  # four seconds
_NEW_VOICE_S = 0.2  # voice since the last reading that is worth a last one when the segment ends


class SpeechPath:
    """Sound in, in order; readings out. Owned by one thread."""

    def __init__(self, settings: SpeechSettings, folder: Path | None = None) -> None:
        self._settings = settings
        self._classifier = Classifier(folder or resources.models() / "speech")
        self._segmenter = Segmenter(settings)
        self._start()

    def reset(self) -> None:
        """Forget all: the room, the segment, the time."""
        self._segmenter.reset(self._settings)
        self._start()

    def _start(self) -> None:
        self._time: float | None = None  # of the next sample to be judged
        self._quiet_s = 0.0  # since anything was said
        self._unheard_s = 0.0  # since a voice was heard
        self._classifier.forget()
        self._levels: deque[float] = deque(maxlen=_MOST_LEVELS)  # since the last reading
        self._begin_segment()

    def apply(self, settings: SpeechSettings) -> None:
        """Thresholds that changed while we listen; what was heard so far stays."""
        self._settings = settings
        self._segmenter.apply(settings)

    def process(self, sound: Sound) -> list[SpeechReading]:
        """Readings that this block completes; blocks may have any length. A gap in time ends the segment."""
        readings = self._across_gap(sound)
        self._time = sound.time - self._segmenter.waiting_s
        for step in self._segmenter.push(sound.samples):
            readings += self._follow(step)
        return readings

    def finish(self) -> list[SpeechReading]:
        """What is pending, at the end of a recording. What comes after begins anew."""
        if self._time is None:
            return []
        readings = []
        for step in self._segmenter.finish():
            readings += self._follow(step)
        readings += self._last_of(self._segmenter.interrupt(), self._time)
        self._levels.clear()
        self._time = None
        self._classifier.forget()
        return readings

    def _across_gap(self, sound: Sound) -> list[SpeechReading]:
        if self._time is None:
            return []
        expected = self._time + self._segmenter.waiting_s
        if abs(sound.time - expected) <= GAP_S:
            return []
        self._quiet_s = 0.0
        readings = self._last_of(self._segmenter.interrupt(), self._time)
        self._unheard_s += abs(sound.time - expected)
        self._levels.clear()  # those after the gap do not follow on these
        return readings

    def _follow(self, step: SegmentStep) -> list[SpeechReading]:
        assert self._time is not None  # noqa: S101 - process() has set it
        self._time += STEP_S
        self._quiet_s += STEP_S
        self._unheard_s += STEP_S
        self._levels.append(round(max(0.0, step.voice.level_db - step.voice.floor_db), 1))
        if step.phase is Phase.QUIET:
            return self._heartbeat(step)
        if step.phase is Phase.BEGIN:
            self._begin_segment()
            if self._unheard_s > SILENCE_S:
                self._classifier.forget()
        self._unheard_s = 0.0
        self._window.add(step.voice, step.is_voice)
        self._since_s += len(step.samples) / SAMPLE_RATE
        self._classifier.push(step.samples)
        if step.phase is Phase.END:
            return self._last_of(step.segment, self._time)
        due = self._since_s >= self._settings.hop_s or not self._read_voiced_s
        if due and step.is_voice and step.segment.voiced_s >= self._settings.min_voice_s:
            return self._reading(step.segment, self._time)
        return []

    def _begin_segment(self) -> None:
        self._classifier.reset()
        self._window = Window()
        self._since_s = 0.0  # sound since the last reading
        self._read_voiced_s = 0.0  # voice at the last reading of this segment

    def _last_of(self, segment: Segment, time: float) -> list[SpeechReading]:
        """The reading that a segment ends with, if it heard enough since the one before; and what it teaches."""
        if segment.voiced_s < self._settings.min_voice_s:
            return []
        worth_one = segment.voiced_s - self._read_voiced_s >= _NEW_VOICE_S
        readings = self._reading(segment, time) if worth_one else []
        self._classifier.learn(self._classifier.sums)
        return readings

    def _reading(self, segment: Segment, time: float) -> list[SpeechReading]:
        probabilities = self._classifier.probabilities(self._classifier.sums, self._settings.prior)
        if probabilities is None:
            return []
        self._since_s, self._quiet_s = 0.0, 0.0
        self._read_voiced_s = segment.voiced_s
        snr_db, voiced = self._window.snr_db, self._window.voiced
        worth = quality(snr_db, voiced, segment.voiced_s)
        return [SpeechReading(time, probabilities, worth, snr_db, voiced, segment.number, self._taken_levels())]

    def _taken_levels(self) -> tuple[float, ...]:
        levels = tuple(self._levels)
        self._levels.clear()
        return levels

    def _heartbeat(self, step: SegmentStep) -> list[SpeechReading]:
        """Nobody speaks, and the microphone works."""
        if self._quiet_s < _HEARTBEAT_S or self._time is None:
            return []
        self._quiet_s = 0.0
        return [SpeechReading(self._time, None, segment=step.segment.number, levels=self._taken_levels())]
