"""What life does to a voice before it reaches the device, and how far training follows it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import soundfile
from numpy.random import Generator
from scipy.signal import butter, fftconvolve, lfilter, resample_poly

from edge.readings import SAMPLE_RATE, Samples

Degrade = Callable[[Samples, Generator], Samples]


def at_speed(samples: Samples, speed: float) -> Samples:
    """Played faster or slower, pitch and formants with it."""
    return np.asarray(resample_poly(samples, 100, round(100 * speed)), np.float32)


def at_level(samples: Samples, level_db: float) -> Samples:
    """With this root mean square in dBFS, clipped where it does not fit."""
    rms = float(np.sqrt(np.mean(samples**2))) + 1e-9
    return np.asarray(np.clip(samples * (10 ** (level_db / 20) / rms), -1, 1), np.float32)


def with_noise(samples: Samples, noise: Samples, snr_db: float, generator: Generator) -> Samples:
    """Noise under the clip; the ratio is that of the speech's louder half to the noise."""
    if len(noise) < len(samples):
        noise = np.tile(noise, -(-len(samples) // max(len(noise), 1)))
    start = int(generator.integers(0, len(noise) - len(samples) + 1))
    part = noise[start : start + len(samples)]
    squares = samples**2
    speech = float(np.mean(squares[squares >= np.median(squares)])) + 1e-12
    hiss = float(np.mean(part**2)) + 1e-12
    return np.asarray(samples + part * np.sqrt(speech / hiss / 10 ** (snr_db / 10)), np.float32)


def in_room(samples: Samples, seconds: float, direct: float, generator: Generator) -> Samples:
    """A synthetic room: an exponentially falling tail of noise, `seconds` to fall by 60 dB."""
    length = int(seconds * SAMPLE_RATE)
    tail = generator.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    tail *= 1 / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = direct
    return np.asarray(fftconvolve(samples, tail)[: len(samples)], np.float32)


def through_band(samples: Samples, low: float, high: float) -> Samples:
    """A telephone, a cheap capsule: second-order edges."""
    numerator, denominator = butter(2, [low, min(high, 7900)], "bandpass", fs=SAMPLE_RATE)
    return np.asarray(lfilter(numerator, denominator, samples), np.float32)


def coarse(samples: Samples, bits: int) -> Samples:
    """As a converter with few bits gives it, mu-law companded, like old telephony."""
    loudest = float(np.max(np.abs(samples))) + 1e-9
    steps = 2 ** (bits - 1)
    companded = np.sign(samples) * np.log1p(255 * np.abs(samples) / loudest) / np.log(256)
    rounded = np.round(companded * steps) / steps
    return np.asarray(np.sign(rounded) * (np.power(256, np.abs(rounded)) - 1) / 255 * loudest, np.float32)


def through_codec(samples: Samples, container: str, codec: str, effort: float = 1.0) -> Samples:
    """Coded and decoded again, as small as it goes with `effort` 1; GSM at 8 kHz, as telephones do."""
    halved = codec == "GSM610"
    rate = SAMPLE_RATE // 2 if halved else SAMPLE_RATE
    sent = resample_poly(samples, 1, 2) if halved else samples
    file = io.BytesIO()
    coarsest = {} if halved else {"compression_level": effort}
    soundfile.write(file, np.clip(sent, -1, 1), rate, format=container, subtype=codec, **coarsest)
    file.seek(0)
    heard, _ = soundfile.read(file, dtype="float32")
    return np.asarray(resample_poly(heard, 2, 1) if halved else heard, np.float32)[: len(samples)]


def coloured(samples: Samples, most_db: float, generator: Generator) -> Samples:
    """Through a microphone and a place of its own: a smooth curve over frequency, drawn octave by octave."""
    octaves = np.array([62.5, 125, 250, 500, 1000, 2000, 4000, 8000])
    gains = generator.uniform(-most_db, most_db, len(octaves))
    spectrum = np.fft.rfft(samples)
    at = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), octaves[0]))
    gain = 10 ** (np.interp(at, np.log2(octaves), gains) / 20)
    return np.asarray(np.fft.irfft(spectrum * gain, len(samples)), np.float32)


def for_training(samples: Samples, noises: Sequence[Samples], generator: Generator) -> Samples:
    """One random draw of room, device and background. Length and timing stay."""
    if generator.random() < 0.65:
        direct = float(np.exp(generator.uniform(np.log(0.2), np.log(2))))
        samples = in_room(samples, generator.uniform(0.15, 1.2), direct, generator)
    if generator.random() < 0.7:
        noise = noises[int(generator.integers(len(noises)))] if generator.random() < 0.75 else hiss(generator)
        samples = with_noise(samples, noise, generator.uniform(-2, 25), generator)
    if generator.random() < 0.5:
        samples = coloured(samples, 8, generator)
    if generator.random() < 0.3:
        samples = through_band(samples, generator.uniform(50, 300), generator.uniform(3000, 7500))
    if generator.random() < 0.1:
        samples = coarse(samples, int(generator.integers(6, 10)))
    if generator.random() < 0.15:
        kind = ("WAV", "GSM610") if generator.random() < 0.25 else ("OGG", "OPUS")
        samples = through_codec(at_level(samples, -25), *kind, effort=generator.uniform(0.9, 1.0))
    return at_level(samples, generator.uniform(-50, -12))


def hiss(generator: Generator) -> Samples:
    """Five seconds of noise between white and brown."""
    white = np.fft.rfft(generator.standard_normal(5 * SAMPLE_RATE))
    white[1:] /= np.arange(1, len(white)) ** generator.uniform(0, 1)
    return np.asarray(np.fft.irfft(white), np.float32)
