"""From probabilities to a state that does not flicker: smoothing, thresholds, dwell and hold, all in seconds.

Everything here is a pure function of (memory, reading, time).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from edge.config import schema
from edge.readings import ABSENT, LABELS, UNCERTAIN, Modality, Probabilities, Reading, State

UNIFORM: Probabilities = tuple(1.0 / len(LABELS) for _ in LABELS)


@dataclass(frozen=True, slots=True)
class DecisionMemory:
    """All that the decision remembers."""

    smoothed: Probabilities
    updated: float  # when `smoothed` was last moved
    evidence: float | None  # when there last was any
    state: State


def begin(now: float) -> DecisionMemory:
    """Nobody has been seen or heard yet."""
    return DecisionMemory(UNIFORM, now, None, State(ABSENT, 0.0, now, 0, ()))


def decide(
    memory: DecisionMemory,
    reading: Reading | None,
    now: float,
    settings: schema.DecisionConfig,
    senses: tuple[Modality, ...] = (),
) -> DecisionMemory:
    """The memory after `reading` (None: no evidence at `now`). `senses` are the modalities that work at all.

    Time that stands still or runs backwards changes nothing.
    """
    if now < memory.updated:
        return memory
    if reading is None:
        gone = memory.evidence is None or now - memory.evidence >= settings.hold_s
        smoothed, evidence = (UNIFORM, None) if gone else (memory.smoothed, memory.evidence)
        wanted = ABSENT if gone else memory.state.label
    else:
        smoothed = _smooth(memory.smoothed, reading.probabilities, now - memory.updated, settings.smoothing_s)
        evidence = now
        wanted = _wanted(memory.state.label, smoothed, settings)
    state = _enter(memory.state, wanted, now, settings.dwell_s)
    state = replace(
        state,
        confidence=_confidence(state.label, smoothed, senses),
        people=reading.people if reading is not None else 0,
        modalities=tuple(sorted(reading.parts)) if reading is not None else senses,
    )
    return DecisionMemory(smoothed, now, evidence, state)


def _smooth(old: Probabilities, new: Probabilities, seconds: float, time_constant: float) -> Probabilities:
    """Exponential smoothing that depends on the time passed, not on how many readings came."""
    keep = math.exp(-seconds / time_constant) if time_constant > 0.0 else 0.0
    mixed = [keep * o + (1.0 - keep) * n for o, n in zip(old, new, strict=True)]
    total = sum(mixed)
    return tuple(p / total for p in mixed)


def _wanted(current: str, smoothed: Probabilities, settings: schema.DecisionConfig) -> str:
    """Which state the smoothed distribution asks for, seen from the current one."""
    ranked = sorted(zip(smoothed, LABELS, strict=True), reverse=True)
    (top, label), (second, _) = ranked[0], ranked[1]
    if top >= settings.enter and top - second >= settings.margin:
        return label
    if current in LABELS and smoothed[LABELS.index(current)] >= settings.exit:
        return current
    return UNCERTAIN


def _enter(state: State, wanted: str, now: float, dwell: float) -> State:
    if wanted == state.label or now - state.since < dwell:
        return state
    return replace(state, label=wanted, since=now)


def _confidence(label: str, smoothed: Probabilities, senses: tuple[Modality, ...]) -> float:
    if label in LABELS:
        return smoothed[LABELS.index(label)]
    if label == UNCERTAIN:
        return max(smoothed)
    return 1.0 if senses else 0.0  # "nobody" means little while nothing watches
