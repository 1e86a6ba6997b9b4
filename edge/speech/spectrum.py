"""What one chunk of frames says by itself, without memory: power, mel cepstrum, mel bands, pitch, zero crossings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from edge.inference import Floats
from edge.readings import SAMPLE_RATE
from edge.speech.filterbank import cosines, mel_filters, slaney_filters
from edge.speech.frames import WINDOW

FFT = 1024
MELS = 40
LIFTER = 22
BANDS = 80  # of the stem
TINY = np.float32(1e-20)  # the floor of every logarithm; far below one quantisation step of a sound card

_HAMMING = np.hamming(WINDOW).astype(np.float32)

_SHORTEST, _LONGEST = 36, 213  # lags in samples: 444 Hz down to 75 Hz
_RATE = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
# Pitch is looked for below 1.5 kHz, with the pre-emphasis undone.
_PITCH_BAND = (
    (_RATE > 60) * np.exp(-((_RATE / 1500) ** 4)) / np.abs(1 - 0.97 * np.exp(-2j * np.pi * _RATE / SAMPLE_RATE)) ** 2
).astype(np.float32)
# The stem was trained on spectra without pre-emphasis, of 400 points instead of FFT, under a Hann window.
_UNDO = np.abs(1 - 0.97 * np.exp(-2j * np.pi * np.maximum(_RATE, 20) / SAMPLE_RATE)) ** -2
_STEM_FILTERS = np.ascontiguousarray((slaney_filters(BANDS, FFT, SAMPLE_RATE) * _UNDO * (WINDOW / FFT)).T, np.float32)
_WINDOW_LAGS = np.fft.irfft(np.abs(np.fft.rfft(_HAMMING, FFT)) ** 2, FFT)
# Correlation at lag 0 and at those from _SHORTEST on, from the power of the bins that the band leaves.
_LEFT_OUT = 1e-7 * _PITCH_BAND.max()
_HEARD = int(np.flatnonzero(_PITCH_BAND > _LEFT_OUT)[-1]) + 1
_CORRELATION = np.ascontiguousarray(
    (2.0 / FFT)
    * _PITCH_BAND[:_HEARD, None]
    * np.cos(2 * np.pi * np.arange(_HEARD)[:, None] * np.array([0, *range(_SHORTEST, _LONGEST)]) / FFT),
    np.float32,
)
_LAG_GAIN = (_WINDOW_LAGS[0] / _WINDOW_LAGS[_SHORTEST:_LONGEST]).astype(np.float32)
# A long lag must be clearly better than a short one, or half the pitch would often win.
_LAG_TRUST = (1 - 0.05 * np.log2(np.arange(_SHORTEST, _LONGEST) / _SHORTEST)).astype(np.float32)


@dataclass(frozen=True)
class Spectrum:
    """Of n frames."""

    power: Floats  # (n, FFT // 2 + 1)
    energy: Floats  # (n,) sum of the power


@cache
def mfcc_matrices() -> tuple[Floats, Floats]:
    """What makes mel bands of a power spectrum, and a cepstrum of their logarithms."""
    return np.ascontiguousarray(mel_filters(MELS, FFT, SAMPLE_RATE).T), cosines(MELS, LIFTER)


def spectrum(frames: Floats) -> Spectrum:
    """Power of pre-emphasised frames under a Hamming window."""
    bins = np.fft.rfft(frames * _HAMMING, FFT)
    power = ((bins.real**2 + bins.imag**2) / FFT).astype(np.float32)
    return Spectrum(power, power.sum(axis=1))


def cepstrum(power: Floats, floor: Floats | np.float32 = TINY) -> Floats:
    """Mel cepstrum (n, MELS) with each mel band held above `floor`. Column 0 is the level."""
    filters, turned = mfcc_matrices()
    bands = np.maximum(power @ filters, np.maximum(floor, TINY))
    values: Floats = np.log(bands) @ turned
    return values


def bands(power: Floats) -> Floats:
    """Power in the mel bands that the stem looks at, (n, BANDS), with the pre-emphasis undone."""
    values: Floats = power @ _STEM_FILTERS
    return values


def pitch(power: Floats) -> tuple[Floats, Floats]:
    """Octaves above 100 Hz, and how periodic the frame is (0..1); both (n,)."""
    lags = power[:, :_HEARD] @ _CORRELATION
    total = np.maximum(lags[:, :1], TINY)
    likeness = lags[:, 1:] * _LAG_GAIN / total
    best = np.argmax(likeness * _LAG_TRUST, axis=1)
    strength = np.clip(likeness[np.arange(len(best)), best], 0.0, 1.0)
    octaves = np.log2(SAMPLE_RATE / (best + _SHORTEST) / 100)
    return octaves.astype(np.float32), strength.astype(np.float32)


def crossings(frames: Floats) -> Floats:
    """Fraction of neighbouring samples with different signs, (n,)."""
    signs = frames >= 0
    share: Floats = np.mean(signs[:, 1:] != signs[:, :-1], axis=1, dtype=np.float32)
    return share
