"""Sound of any block length in; judged steps with their place in a voiced segment out. Training uses this, too."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from edge.readings import SAMPLE_RATE, Samples
from edge.speech.settings import SpeechSettings
from edge.speech.voice_detector import STEP, VoiceDetector, VoiceStep

STEP_S = STEP / SAMPLE_RATE
PRE_ROLL = 3  # steps before the onset that belong to the segment: the detector needs a moment
_RELEASE = 0.15  # a voice goes on down to this much below the threshold that began it


class Phase(Enum):
    QUIET = "quiet"
    BEGIN = "begin"  # this step is the first of a segment
    CONTINUE = "continue"
    END = "end"  # this step is the last of a segment


@dataclass(frozen=True)
class Segment:
    """The segment so far; `number` counts them."""

    number: int = 0
    going: bool = False
    steps: int = 0
    voiced: int = 0  # steps with voice
    pause: int = 0  # steps since the last one with voice

    @property
    def voiced_s(self) -> float:
        return self.voiced * STEP_S


@dataclass(frozen=True)
class SegmentStep:
    """One step. `samples` is what it adds to the segment: with the pre-roll where it begins, nothing where quiet."""

    voice: VoiceStep
    segment: Segment
    phase: Phase
    samples: Samples

    @property
    def is_voice(self) -> bool:
        """Whether this step itself is voice, not a pause within a segment."""
        return self.segment.pause == 0


def follow(segment: Segment, voice: float, settings: SpeechSettings) -> tuple[Segment, Phase]:
    """The segment after one more step with this probability of voice, and what the step is to it."""
    if not segment.going:
        if voice < settings.voice_threshold:
            return segment, Phase.QUIET
        return Segment(segment.number + 1, going=True, steps=1, voiced=1), Phase.BEGIN
    heard = voice >= settings.voice_threshold - _RELEASE
    after = replace(
        segment,
        steps=segment.steps + 1,
        voiced=segment.voiced + heard,
        pause=0 if heard else segment.pause + 1,
    )
    over = after.pause >= math.ceil(settings.hangover_s / STEP_S) or after.steps * STEP_S >= settings.max_segment_s
    return (replace(after, going=False), Phase.END) if over else (after, Phase.CONTINUE)


class Segmenter:
    """Cuts into steps, judges, and follows segments. Steps lie on a grid that begins where the sound begins."""

    def __init__(self, settings: SpeechSettings) -> None:
        self._detector = VoiceDetector(settings.min_snr_db, settings.noise_floor_db)
        self._start(settings)

    def reset(self, settings: SpeechSettings) -> None:
        """Forget all that was heard."""
        self._detector.reset(settings.min_snr_db, settings.noise_floor_db)
        self._start(settings)

    def _start(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._segment = Segment()
        self._kept: Samples = np.empty(0, np.float32)
        self._before: deque[Samples] = deque(maxlen=PRE_ROLL)

    def apply(self, settings: SpeechSettings) -> None:
        """Thresholds that changed while we listen."""
        self._settings = settings
        self._detector.apply(settings.min_snr_db)

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that do not fill a step yet."""
        return len(self._kept) / SAMPLE_RATE

    def push(self, samples: Samples) -> Iterator[SegmentStep]:
        """The steps that these samples complete. Consume it before the next call."""
        self._kept = np.concatenate((self._kept, usable(samples)))
        while len(self._kept) >= STEP:
            step, self._kept = self._kept[:STEP], self._kept[STEP:]
            yield self._step(step)

    def finish(self) -> Iterator[SegmentStep]:
        """The last, unfilled step, with silence behind it."""
        if len(self._kept):
            yield from self.push(np.zeros(STEP - len(self._kept), np.float32))

    def interrupt(self) -> Segment:
        """The sound has a gap: the segment that was going, which ends here. What waited is dropped."""
        ended = self._segment
        self._detector.interrupt()
        self._segment = Segment(ended.number)
        self._kept = np.empty(0, np.float32)
        self._before.clear()
        return ended

    def _step(self, samples: Samples) -> SegmentStep:
        voice = self._detector.detect(samples)
        self._segment, phase = follow(self._segment, voice.voice, self._settings)
        if phase is Phase.QUIET:
            self._before.append(samples)
            return SegmentStep(voice, self._segment, phase, np.empty(0, np.float32))
        if phase is Phase.BEGIN:
            samples = np.concatenate((*self._before, samples))
            self._before.clear()
        return SegmentStep(voice, self._segment, phase, samples)


def usable(samples: Samples) -> Samples:
    """Mono samples within -1..1, finite. What has another shape is a mistake of the caller."""
    if samples.ndim != 1:
        raise ValueError(f"sound must be one row of samples, not of shape {samples.shape}")
    values: Samples = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(values, -1.0, 1.0)
