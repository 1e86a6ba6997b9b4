"""The fixed matrices of the front: those of python_speech_features for the MFCC, Slaney's mel bands for the stem.

The package itself needs scipy, whose import takes longer, and more memory, than all the rest of the speech path; tests
hold what is computed here equal to what the package says.
"""

from __future__ import annotations

import numpy as np

from edge.inference import Floats


def mel_filters(count: int, fft: int, rate: int) -> Floats:
    """Triangles from 0 Hz to half the rate, their corners on whole bins: (count, fft // 2 + 1)."""
    top = 2595 * np.log10(1 + rate / 2 / 700.0)
    hz = 700 * (10 ** (np.linspace(0, top, count + 2) / 2595.0) - 1)
    corners = np.floor((fft + 1) * hz / rate)
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.arange(fft // 2 + 1)
    rise = np.where((left <= bins) & (bins < middle), (bins - left) / np.maximum(middle - left, 1), 0.0)
    fall = np.where((middle <= bins) & (bins < right), (right - bins) / np.maximum(right - middle, 1), 0.0)
    filters: Floats = (rise + fall).astype(np.float32)
    return filters


def cosines(count: int, lifter: int) -> Floats:
    """Orthonormal DCT-II of `count` values with the sinusoidal lifter folded in: coefficients = log_mel @ matrix."""
    order = np.arange(count)
    matrix = np.cos(np.pi * (2 * order[:, None] + 1) * order / (2 * count)) * np.sqrt(2 / count)
    matrix[:, 0] /= np.sqrt(2)
    lifted: Floats = (matrix * (1 + lifter / 2 * np.sin(np.pi * order / lifter))).astype(np.float32)
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
