"""Synthetic sounds for the speech tests. The detector takes `voice` for one."""

import numpy as np

from edge.readings import SAMPLE_RATE, Samples
from models.speech.parity import voice

__all__ = ["hum", "noise", "silence", "talk", "voice"]


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def noise(seconds: float, level: float = 0.05, seed: int = 0) -> Samples:
    draw = np.random.default_rng(seed)
    return (level * draw.standard_normal(int(seconds * SAMPLE_RATE))).astype(np.float32)


def hum(seconds: float, hz: float = 120.0) -> Samples:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(0.2 * np.sin(2 * np.pi * hz * at), np.float32)


def talk(seconds: float, seed: int = 0) -> Samples:
    """A faint room, a voice in the middle of it."""
    room = noise(seconds + 2, 0.0005, seed)
    room[SAMPLE_RATE : SAMPLE_RATE + int(seconds * SAMPLE_RATE)] += voice(170 + 10 * seed, seconds, 0.05, 2)
    return room
