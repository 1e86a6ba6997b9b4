"""What a second of voice costs on one core, part by part. Time of the processor: other work does not count."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.readings import SAMPLE_RATE, Samples, Sound
from edge.speech.classifier import Classifier
from edge.speech.features import SegmentFeatures
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings
from edge.speech.spectrum import MELS
from models.speech.parity import voice

_ROUNDS = 15
_BLOCK = 512


def cost(folder: Path) -> dict[str, float]:
    """Medians in milliseconds of processor per second of continuous voice, in blocks of 32 ms as they arrive."""
    sound = voice(190, 1.0 * _ROUNDS, 0.3)
    path = SpeechPath(SpeechSettings(), folder)
    classifier = Classifier(folder)
    features = SegmentFeatures(np.zeros(MELS - 1, np.float32))
    quiet = np.zeros_like(sound)
    return {
        "features_ms": _median(sound, lambda _, block: features.push(block)),
        "features_and_model_ms": _median(sound, lambda _, block: classifier.push(block)),
        "whole_path_ms": _median(sound, lambda at, block: path.process(Sound(at, block))),
        "silence_ms": _median(quiet, lambda at, block: path.process(Sound(100 + at, block))),
    }


def _median(sound: Samples, work: Callable[[float, Samples], object]) -> float:
    took = []
    for second in range(_ROUNDS):
        began = time.thread_time()
        for start in range(second * SAMPLE_RATE, (second + 1) * SAMPLE_RATE - _BLOCK, _BLOCK):
            work(start / SAMPLE_RATE, sound[start : start + _BLOCK])
        took.append((time.thread_time() - began) * 1000)
    return round(float(np.median(took)), 2)
