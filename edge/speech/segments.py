"""Where a voiced segment begins and ends: a pure function from one step to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from edge.readings import SAMPLE_RATE
from edge.speech.hearing import STEP
from edge.speech.settings import SpeechSettings

STEP_S = STEP / SAMPLE_RATE
_RELEASE = 0.15  # a voice goes on down to this much below the threshold that began it


class Turn(Enum):
    QUIET = "quiet"
    BEGIN = "begin"  # this step is the first of a segment
    GO_ON = "go on"
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


def follow(segment: Segment, voice: float, settings: SpeechSettings) -> tuple[Segment, Turn]:
    """The segment after one more step with this probability of voice, and what the step is to it."""
    if not segment.going:
        if voice < settings.voice_threshold:
            return segment, Turn.QUIET
        return Segment(segment.number + 1, going=True, steps=1, voiced=1), Turn.BEGIN
    heard = voice >= settings.voice_threshold - _RELEASE
    after = replace(
        segment,
        steps=segment.steps + 1,
        voiced=segment.voiced + heard,
        pause=0 if heard else segment.pause + 1,
    )
    over = after.pause >= math.ceil(settings.hangover_s / STEP_S) or after.steps * STEP_S >= settings.max_segment_s
    return (replace(after, going=False), Turn.END) if over else (after, Turn.GO_ON)
