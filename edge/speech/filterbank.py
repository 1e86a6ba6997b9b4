"""The fixed matrices of the MFCC: mel triangles, cosine transform, lifter. As in python_speech_features 0.6."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats


def hz_to_mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hz: NDArray[np.float64] = 700 * (10 ** (mel / 2595) - 1)
    return hz


def mel_filters(count: int, fft: int, rate: int) -> Floats:
    """Triangles from 0 Hz to half the rate: (count, fft // 2 + 1)."""
    corners = mel_to_hz(np.linspace(0.0, hz_to_mel(rate / 2), count + 2))
    bins = np.floor((fft + 1) * corners / rate).astype(int)
    filters = np.zeros((count, fft // 2 + 1), np.float32)
    for number in range(count):
        low, middle, high = bins[number : number + 3]
        filters[number, low:middle] = (np.arange(low, middle) - low) / (middle - low)
        filters[number, middle:high] = (high - np.arange(middle, high)) / (high - middle)
    return filters


def cosines(count: int, lifter: int) -> Floats:
    """Orthonormal DCT-II of `count` values with the sinusoidal lifter folded in: coefficients = log_mel @ matrix."""
    index = np.arange(count)
    matrix = np.sqrt(2 / count) * np.cos(np.pi * np.outer(2 * index + 1, index) / (2 * count))
    matrix[:, 0] = np.sqrt(1 / count)
    lift = 1 + (lifter / 2) * np.sin(np.pi * index / lifter)
    lifted: Floats = (matrix * lift).astype(np.float32)
    return lifted
