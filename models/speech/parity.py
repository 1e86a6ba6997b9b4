"""Synthetic voices, and what the float network said of them, so that tests can tell what int8 costs.

Synthetic, because no recording of a data set may be committed. The detector takes them for voices.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.features import SegmentFeatures, standardised

FILE = "parity.json"
Utterance = tuple[Floats, Floats]  # features (chunks, CHUNK, FEATURES) and bands (chunks, CONTEXT + CHUNK, BANDS)
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480), (300, 870, 2240))


def voice(pitch: float, seconds: float, liveliness: float = 0.15, seed: int = 0) -> Samples:
    """Syllables of a formant synthesiser: a pulse train whose pitch moves, through three resonances."""
    draw = np.random.default_rng(seed)
    parts: list[Samples] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        parts.append(_syllable(pitch * (1 + liveliness * draw.uniform(-1, 1)), int(draw.integers(len(_VOWELS))), draw))
        parts.append(np.zeros(int(draw.uniform(0.02, 0.06) * SAMPLE_RATE), np.float32))
    sound = np.concatenate(parts)[: int(seconds * SAMPLE_RATE)]
    return np.asarray(0.3 * sound / np.max(np.abs(sound)), np.float32)


def _syllable(pitch: float, vowel: int, draw: np.random.Generator) -> Samples:
    length = int(draw.uniform(0.12, 0.25) * SAMPLE_RATE)
    contour = pitch * np.linspace(1.1, 0.9, length)
    phase = np.cumsum(contour / SAMPLE_RATE)
    pulses = np.diff(np.floor(phase), prepend=0.0) + 0.003 * draw.standard_normal(length)
    source = lfilter([1.0], [1.0, -0.95], pulses)
    for formant in _VOWELS[vowel]:
        radius = np.exp(-np.pi * 90 / SAMPLE_RATE)
        angle = 2 * np.pi * formant / SAMPLE_RATE
        source = lfilter([1 - radius], [1.0, -2 * radius * np.cos(angle), radius**2], source)
    shape = np.sin(np.pi * np.linspace(0, 1, length)) ** 0.5
    return np.asarray(source * shape, np.float32)


def utterances() -> list[Samples]:
    """Eight voices, three seconds each."""
    return [
        voice(pitch, 3.0, lively, seed) for seed, pitch in enumerate((100, 140, 190, 240)) for lively in (0.05, 0.3)
    ]


def utterance_inputs(cepstral_mean: Floats, mean: Floats, deviation: Floats) -> list[Utterance]:
    """Their chunks as the model takes them."""
    return [as_inputs(samples, cepstral_mean, mean, deviation) for samples in utterances()]


def as_inputs(samples: Samples, cepstral_mean: Floats, mean: Floats, deviation: Floats) -> Utterance:
    """The chunks of one segment; not for less than a chunk."""
    chunks = SegmentFeatures(cepstral_mean).push(samples)
    features = np.stack([standardised(chunk.features, mean, deviation) for chunk in chunks])
    return features, np.stack([chunk.bands for chunk in chunks])


def write(folder: Path, logits: Floats) -> None:
    """Keep what the float network says: a row of pooled logits for each utterance."""
    rows = [[round(float(value), 4) for value in row] for row in logits]
    (folder / FILE).write_text(json.dumps({"float_logits": rows}) + "\n")


def read(folder: Path) -> Floats:
    """What `write` kept."""
    return np.array(json.loads((folder / FILE).read_text())["float_logits"], np.float32)
