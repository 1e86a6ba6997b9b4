"""Feelings that last: a voice that stays angry for a minute must not become the new neutral."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.readings import LABELS
from models.life.people import Part
from models.life.scenes import LifeScene, Make, Span
from models.life.score import NEUTRAL, Seen
from models.life.voices import CORPORA, Speaker, Speech, speakers, spoken

CALM_S, FELT_S = 20.0, 60.0
_TURN_S = 15.0  # after which a speaker's sentences begin anew, in another order
_EACH = 4  # of each feeling, at most
_WINDOWS = {"first": (2.5, 15.0), "last": (45.0, 60.0)}  # seconds since the feeling began


def scenes(data: Path, part: Part, corpora: Sequence[str] = CORPORA, unheard: Collection[str] = ()) -> list[LifeScene]:
    """Neutral sentences, then a minute of one feeling."""
    return list(_scenes(speakers(data, part, corpora, unheard)))


def _scenes(voices: Sequence[Speaker]) -> Iterator[LifeScene]:
    for label in LABELS[1:]:
        for speaker in [one for one in voices if label in one.clips][:_EACH]:
            name = f"lasting/{label}/{speaker.name}"
            spans = Span(0.0, CALM_S, NEUTRAL), Span(CALM_S, CALM_S + FELT_S, label)
            yield LifeScene(name, "talk", label, spans, _make(speaker, label, name), speaker.name)


def _make(speaker: Speaker, label: str, name: str) -> Make:
    acts = [(NEUTRAL, CALM_S), *[(label, _TURN_S)] * round(FELT_S / _TURN_S)]
    return lambda: (None, Speech(spoken(speaker, acts, np.random.default_rng(zlib.crc32(name.encode())))))


def held(cast: Sequence[LifeScene], seen: Sequence[Seen]) -> dict[str, Any]:
    """The shares of the time in which the state is right, and neutral, soon after a feeling began and at its end."""
    found: dict[str, Any] = {"scenes": len(cast)}
    for window, (start, end) in _WINDOWS.items():
        right, neutral = [], []
        for scene, one in zip(cast, seen, strict=True):
            times = one.state_times(CALM_S + start, CALM_S + end)
            right.append(times.get(scene.label, 0.0) / (end - start))
            neutral.append(times.get(NEUTRAL, 0.0) / (end - start))
        found[window] = {"right": round(float(np.mean(right)), 4), "neutral": round(float(np.mean(neutral)), 4)}
    return found


def table(measured: dict[str, Any]) -> str:
    """The figures for a person."""
    lines = ["| seconds since the feeling began | the state is right | it is neutral |", "|---|---|---|"]
    for window, (start, end) in _WINDOWS.items():
        m = measured[window]
        lines.append(f"| {start:g} to {end:g} | {100 * m['right']:.0f} % | {100 * m['neutral']:.0f} % |")
    return "\n".join([*lines, "", f"{measured['scenes']} scenes."])
