"""The fixed matrices of the front: python_speech_features' own for the MFCC, Slaney's mel bands for the stem.

The package is what defines our MFCC. It brings scipy along (a tenth of a second and 10 MB), so it is imported by the
first who hears and not by a service that only sees.
"""

from __future__ import annotations

import numpy as np

from edge.inference import Floats


def mel_filters(count: int, fft: int, rate: int) -> Floats:
    """Triangles from 0 Hz to half the rate: (count, fft // 2 + 1)."""
    from python_speech_features import get_filterbanks

    filters: Floats = get_filterbanks(nfilt=count, nfft=fft, samplerate=rate).astype(np.float32)
    return filters


def cosines(count: int, lifter: int) -> Floats:
    """Orthonormal DCT-II of `count` values with the sinusoidal lifter folded in: coefficients = log_mel @ matrix."""
    import python_speech_features

    order = np.arange(count)
    matrix = np.cos(np.pi * (2 * order[:, None] + 1) * order / (2 * count)) * np.sqrt(2 / count)
    matrix[:, 0] /= np.sqrt(2)
    lifted: Floats = python_speech_features.lifter(matrix, lifter).astype(np.float32)
    return lifted


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
