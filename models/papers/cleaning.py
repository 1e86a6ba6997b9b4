"""Noise removal and normalisation of recordings, and changed copies of them to learn from."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.signal import istft, stft

from edge.readings import SAMPLE_RATE, Samples
from models.speech.augment import at_speed, with_noise

_WINDOW = 512
_QUIET, _LESS, _LEFT = 10, 2.0, 0.1  # percentile that is noise, how much of it is taken off, what stays at least
_COPIES = 2


def without_noise(sound: Samples) -> Samples:
    """Spectral subtraction: what is there in the quietest tenth of the time is taken off everywhere."""
    _, _, spectrum = stft(np.pad(sound, (0, max(0, _WINDOW - len(sound)))), SAMPLE_RATE, nperseg=_WINDOW)
    strength = np.abs(spectrum)
    noise = np.percentile(strength, _QUIET, axis=1, keepdims=True)
    kept = np.maximum(strength - _LESS * noise, _LEFT * strength)
    _, cleaned = istft(spectrum * kept / np.maximum(strength, 1e-12), SAMPLE_RATE, nperseg=_WINDOW)
    return np.asarray(cleaned[: len(sound)], np.float32)


def normalised(sound: Samples) -> Samples:
    """As loud as fits."""
    return np.asarray(sound / max(float(np.abs(sound).max(initial=0)), 1e-6), np.float32)


def copies(sound: Samples, draw: Generator) -> list[Samples]:
    """Played faster or slower, and with hiss under it."""
    hiss = draw.standard_normal(SAMPLE_RATE).astype(np.float32)
    return [
        with_noise(at_speed(sound, float(draw.uniform(0.9, 1.1))), hiss, float(draw.uniform(10, 30)), draw)
        for _ in range(_COPIES)
    ]
