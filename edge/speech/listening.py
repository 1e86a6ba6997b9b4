"""Sound of any block length in; judged steps with their place in a segment out. Training listens through this too."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge.readings import SAMPLE_RATE, Samples
from edge.speech.hearing import STEP, Heard, Hearing
from edge.speech.segments import Segment, Turn, follow
from edge.speech.settings import SpeechSettings

PRE_ROLL = 3  # steps before the onset that belong to the segment: the detector needs a moment


@dataclass(frozen=True)
class Piece:
    """One step. `samples` is what it adds to the segment: with the pre-roll where it begins, nothing where quiet."""

    heard: Heard
    segment: Segment
    turn: Turn
    samples: Samples


class Listener:
    """Cuts into steps, judges, and follows segments. Steps lie on a grid that begins where the sound begins."""

    def __init__(self, settings: SpeechSettings) -> None:
        self._hearing = Hearing(settings.min_snr_db, settings.noise_floor_db)
        self.begin(settings)

    def begin(self, settings: SpeechSettings) -> None:
        """Anew, as if nothing had been heard."""
        self._settings = settings
        self._hearing.begin(settings.min_snr_db, settings.noise_floor_db)
        self._segment = Segment()
        self._kept: Samples = np.empty(0, np.float32)
        self._before: deque[Samples] = deque(maxlen=PRE_ROLL)

    def apply(self, settings: SpeechSettings) -> None:
        """Thresholds that changed while we listen."""
        self._settings = settings
        self._hearing.apply(settings.min_snr_db)

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that do not fill a step yet."""
        return len(self._kept) / SAMPLE_RATE

    def push(self, samples: Samples) -> Iterator[Piece]:
        """The steps that these samples complete. Consume it before the next call."""
        self._kept = np.concatenate((self._kept, usable(samples)))
        while len(self._kept) >= STEP:
            step, self._kept = self._kept[:STEP], self._kept[STEP:]
            yield self._piece(step)

    def rest(self) -> Iterator[Piece]:
        """The last, unfilled step, with silence behind it."""
        if len(self._kept):
            yield from self.push(np.zeros(STEP - len(self._kept), np.float32))

    def interrupt(self) -> Segment:
        """The sound has a gap: the segment that was going, which ends here. What waited is dropped."""
        ended = self._segment
        self._hearing.interrupt()
        self._segment = Segment(ended.number)
        self._kept = np.empty(0, np.float32)
        self._before.clear()
        return ended

    def _piece(self, step: Samples) -> Piece:
        heard = self._hearing.judge(step)
        self._segment, turn = follow(self._segment, heard.voice, self._settings)
        if turn is Turn.QUIET:
            self._before.append(step)
            return Piece(heard, self._segment, turn, np.empty(0, np.float32))
        if turn is Turn.BEGIN:
            step = np.concatenate((*self._before, step))
            self._before.clear()
        return Piece(heard, self._segment, turn, step)


def usable(samples: Samples) -> Samples:
    """Mono samples within -1..1, finite. What has another shape is a mistake of the caller."""
    if samples.ndim != 1:
        raise ValueError(f"sound must be one row of samples, not of shape {samples.shape}")
    values: Samples = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(values, -1.0, 1.0)
