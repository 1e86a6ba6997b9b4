"""The fixed matrices of the front: python_speech_features' own for the MFCC, Slaney's mel bands for the stem."""

from __future__ import annotations

import numpy as np
from python_speech_features import base
from scipy.fft import dct

from edge.inference import Floats


def mel_filters(count: int, fft: int, rate: int) -> Floats:
    """Triangles from 0 Hz to half the rate: (count, fft // 2 + 1)."""
    filters: Floats = base.get_filterbanks(nfilt=count, nfft=fft, samplerate=rate).astype(np.float32)
    return filters


def cosines(count: int, lifter: int) -> Floats:
    """Orthonormal DCT-II of `count` values with the sinusoidal lifter folded in: coefficients = log_mel @ matrix."""
    matrix: Floats = base.lifter(dct(np.eye(count), norm="ortho"), lifter).astype(np.float32)
    return matrix


def slaney_filters(count: int, fft: int, rate: int) -> Floats:
    """Triangles of equal area, (count, fft // 2 + 1), on a scale that is linear below 1 kHz and logarithmic above."""
    step, knee, growth = 200 / 3, 15.0, np.log(6.4) / 27
    top = knee + np.log(rate / 2 / 1000) / growth
    mels = np.linspace(0, top, count + 2)
    hz = np.where(mels < knee, mels * step, 1000 * np.exp(growth * (mels - knee)))
    at = np.fft.rfftfreq(fft, 1 / rate)
    rise = (at - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    fall = (hz[2:, None] - at) / (hz[2:] - hz[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rise, fall)) * (2 / (hz[2:] - hz[:-2]))[:, None]
    filters: Floats = triangles.astype(np.float32)
    return filters
