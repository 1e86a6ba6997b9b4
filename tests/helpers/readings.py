"""Readings for tests, and strategies that make them."""

from __future__ import annotations

from hypothesis import strategies as st

from edge.emotion.fusion import FusionWeights
from edge.readings import LABELS, FaceReading, Probabilities, SpeechReading

WEIGHTS = FusionWeights(name="fusion", version="test", face=1.0, speech=0.6, rest_neutral=1.0)


def sure_of(label: str, p: float = 0.9) -> Probabilities:
    """A distribution with `p` on one label and the rest spread evenly."""
    rest = (1.0 - p) / (len(LABELS) - 1)
    return tuple(p if one == label else rest for one in LABELS)


def face(label: str, time: float, track: int = 1, quality: float = 1.0, p: float = 0.9) -> FaceReading:
    return FaceReading(time, track, sure_of(label, p), quality, 100.0)


def voice(label: str | None, time: float, quality: float = 1.0, p: float = 0.9) -> SpeechReading:
    return SpeechReading(time, None if label is None else sure_of(label, p), quality, 20.0, 0.9, 1)


def _normalised(values: list[float]) -> Probabilities:
    total = sum(values)
    return tuple(value / total for value in values)


distributions = st.lists(st.floats(1e-6, 1.0), min_size=len(LABELS), max_size=len(LABELS)).map(_normalised)
unit = st.floats(0.0, 1.0)
