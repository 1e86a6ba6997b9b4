"""What the papers take from a recording: the mean of 40 MFCC; or crossings, energy, pitch, MFCC and their spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.fft import dct

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.filterbank import slaney_filters
from models.speech.recordings import read_clip

_WINDOW, _HOP, _FFT, _MELS, _COEFFICIENTS = 400, 160, 512, 128, 40
_FILTERS = slaney_filters(_MELS, _FFT, SAMPLE_RATE)
_LAGS = (SAMPLE_RATE // 400, SAMPLE_RATE // 60)  # of a voice between 60 and 400 Hz


def frames_of(sound: Samples) -> Floats:
    """(frames, window)."""
    padded = np.pad(sound, (0, max(0, _WINDOW + _HOP - len(sound))))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP], np.float32)


def mfcc(sound: Samples) -> Floats:
    """(frames, 40)."""
    power = np.abs(np.fft.rfft(frames_of(sound) * np.hanning(_WINDOW).astype(np.float32), _FFT)) ** 2
    decibels = 10 * np.log10(np.maximum(power @ np.asarray(_FILTERS).T, 1e-10))
    return np.asarray(dct(decibels, axis=1, norm="ortho")[:, :_COEFFICIENTS], np.float32)


def mean_mfcc(path: Path) -> Floats:
    """The mean of each coefficient over the recording: 40 numbers."""
    return mean_mfcc_of(read_clip(path))


def mean_mfcc_of(sound: Samples) -> Floats:
    """The same of sound that is read already."""
    return np.asarray(mfcc(sound).mean(axis=0), np.float32)


def handmade(path: Path) -> Floats:
    """Mean and deviation of zero crossings, energy, pitch and 13 MFCC: 32 numbers."""
    sound = read_clip(path)
    frames = frames_of(sound)
    crossings = np.mean(np.diff(np.signbit(frames), axis=1), axis=1)
    energy = np.log(np.maximum((frames**2).mean(axis=1), 1e-10))
    rows = np.column_stack((crossings, energy, _pitch(frames), mfcc(sound)[: len(frames), :13]))
    return np.asarray(np.concatenate((rows.mean(axis=0), rows.std(axis=0))), np.float32)


def _pitch(frames: Floats) -> Floats:
    """The lag at which a frame is most like itself, as Hz."""
    spectrum = np.abs(np.fft.rfft(frames, 2 * _FFT)) ** 2
    alike = np.fft.irfft(spectrum)[:, _LAGS[0] : _LAGS[1]]
    return np.asarray(SAMPLE_RATE / (alike.argmax(axis=1) + _LAGS[0]), np.float32)
