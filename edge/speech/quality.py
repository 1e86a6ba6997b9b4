"""How far a speech reading is to be trusted: from signal to noise, voiced fraction, and how long it rests on."""

from __future__ import annotations

from collections import deque

import numpy as np

from edge.speech.segments import STEP_S
from edge.speech.voice_detector import VoiceStep

_WINDOW_S = 2.0
_POOR_DB, _GOOD_DB = 0.0, 20.0
_ENOUGH_S = 1.5
MOST_SNR_DB = 60.0


def quality(snr_db: float, voiced: float, voiced_s: float) -> float:
    """0..1. Grows with each of: decibels above the noise, fraction with voice, seconds of voice so far."""
    clear = min(max((snr_db - _POOR_DB) / (_GOOD_DB - _POOR_DB), 0.0), 1.0)
    return clear * min(max(voiced, 0.0), 1.0) * min(voiced_s / _ENOUGH_S, 1.0)


class Window:
    """The last two seconds of a segment: how much was voice, and how far it stood out of the noise."""

    def __init__(self) -> None:
        self._steps: deque[tuple[bool, float, float]] = deque(maxlen=round(_WINDOW_S / STEP_S))

    def add(self, step: VoiceStep, is_voice: bool) -> None:
        self._steps.append((is_voice, step.level_db, step.floor_db))

    @property
    def voiced(self) -> float:
        return sum(step[0] for step in self._steps) / max(len(self._steps), 1)

    @property
    def snr_db(self) -> float:
        """Of the steps with voice, by power; never negative."""
        loud = [10 ** (level / 10) for is_voice, level, _ in self._steps if is_voice]
        if not loud:
            return 0.0
        level = 10 * float(np.log10(max(sum(loud) / len(loud), 1e-12)))
        floor = sum(step[2] for step in self._steps) / len(self._steps)
        return min(max(level - floor, 0.0), MOST_SNR_DB)
