"""The fixed matrices of the front: those of python_speech_features for the MFCC, Slaney's mel bands for the stem.

Computed here, and compared with the package's by the tests: it imports scipy, a tenth of a second and 10 MB of a small
board, for two tables.
"""

from __future__ import annotations

import numpy as np

from edge.inference import Floats


def mel_filters(count: int, fft: int, rate: int) -> Floats:
    """Triangles between whole bins, evenly spread on the mel scale up to half the rate: (count, fft // 2 + 1)."""
    mels = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), count + 2)
    corners = np.floor((fft + 1) * 700 * (10 ** (mels / 2595) - 1) / rate)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    at = np.arange(fft // 2 + 1)
    rise = (at - low) / np.maximum(middle - low, 1)
    fall = (high - at) / np.maximum(high - middle, 1)
    filters: Floats = np.maximum(0, np.where(at < middle, rise, fall)).astype(np.float32)
    return filters


def cosines(count: int, lifter: int) -> Floats:
    """Orthonormal DCT-II of `count` values with the sinusoidal lifter folded in: coefficients = log_mel @ matrix."""
    order = np.arange(count)
    matrix = np.cos(np.pi * (2 * order[:, None] + 1) * order / (2 * count)) * np.sqrt(2 / count)
    matrix[:, 0] /= np.sqrt(2)
    lifted: Floats = ((1 + lifter / 2 * np.sin(np.pi * order / lifter)) * matrix).astype(np.float32)
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
