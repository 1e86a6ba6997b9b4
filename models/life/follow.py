"""The decision over scenes that were perceived once: quick enough to try many weights and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config.schema import Config, DecisionConfig
from edge.emotion.crowd import Crowd
from edge.emotion.expressiveness import prior_of
from edge.emotion.fusion import FusionWeights
from edge.readings import ABSENT, LABELS, UNCERTAIN
from edge.service.replay import TICK_S, Perceived
from models.fusion import rules
from models.fusion.moments import Moments, Row, as_moments, row_of, take_in
from models.life.scenes import LifeScene
from models.life.score import Seen, judged

Reals = NDArray[np.float64]
STATES = (*LABELS, UNCERTAIN, ABSENT)
DIAL = (0.0, 0.25, 0.5, 0.75, 1.0)
_UNCERTAIN, _ABSENT = STATES.index(UNCERTAIN), STATES.index(ABSENT)


@dataclass(frozen=True)
class Choice:
    """Weights of the fusion and thresholds of the decision."""

    weights: FusionWeights
    decision: DecisionConfig

    def having(self, values: Mapping[str, float]) -> Choice:
        weights, decision = self.weights, self.decision
        for name, value in values.items():
            if name == "speech_neutral":
                offsets = (value, *self.weights.speech_offsets[1:])
                weights = replace(weights, speech_offsets=offsets)
            elif name in ("face", "speech", "rest_neutral", "apart"):
                weights = replace(weights, **{name: value})
            elif name == "enter":
                decision = replace(decision, enter=value, exit=round(value - 0.1, 3))
            else:
                decision = replace(decision, **{name: value})
        return Choice(weights, decision)


def dial(cast: Sequence[LifeScene], at: Moments, choice: Choice) -> dict[str, Any]:
    """What every position of `decision.expressiveness` finds, and what it finds that is not there."""
    fused = fused_again(at, choice.weights)
    found = {}
    for position in DIAL:
        settings = replace(choice.decision, expressiveness=position)
        found[str(position)] = judged(cast, all_followed(fused, settings))
    return found


def ticks(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]], weights: FusionWeights) -> Moments:
    """What face and voice say at every tick of every scene. `weights` matter for what is learned of rest alone."""
    rows: list[Row] = []
    numbers: list[int] = []
    for number, (scene, items) in enumerate(zip(cast, seen, strict=True)):
        rows += _ticks(items, scene.seconds, Config(), weights)
        numbers += [number] * (len(rows) - len(numbers))
    return as_moments(rows, [0] * len(rows), numbers)


def fused_again(at: Moments, weights: FusionWeights) -> list[Reals]:
    """The fused evidence of every scene at every tick; NaN where there is none."""
    rows = rules.evidence(at, weights)
    rows[(at.face_share <= 0) & (at.speech_share <= 0)] = np.nan
    return np.split(rows, np.flatnonzero(np.diff(at.scene)) + 1)


def evidence(items: Sequence[Perceived], seconds: float, weights: FusionWeights) -> Reals:
    """The same of one scene."""
    rows = _ticks(items, seconds, Config(), weights)
    return fused_again(as_moments(rows, [0] * len(rows), [0] * len(rows)), weights)[0]


def _ticks(items: Sequence[Perceived], seconds: float, config: Config, weights: FusionWeights) -> list[Row]:
    crowd, place, rows = Crowd(config, weights), 0, []
    for tick in range(round(seconds / TICK_S)):
        now = tick * TICK_S
        while place < len(items) and items[place].time <= now + 1e-6:
            take_in(crowd, items[place].readings)
            place += 1
        rows.append(row_of(crowd, now, config, weights))
    return rows


def followed(rows: Reals, settings: DecisionConfig) -> Seen:
    """The decision over fused evidence, as edge.emotion.decision takes it; see the test that compares both."""
    return all_followed([rows], settings)[0]


def all_followed(scenes: Sequence[Reals], settings: DecisionConfig) -> list[Seen]:
    """The same of many scenes at once, tick by tick."""
    order = sorted(range(len(scenes)), key=lambda i: -len(scenes[i]))  # those that go on are always the first ones
    lengths = np.array([len(scenes[i]) for i in order])
    evidence = np.full((lengths[0], len(order), len(LABELS)), np.nan)
    for place, i in enumerate(order):
        evidence[: lengths[place], place] = scenes[i]
    evidence += np.array(prior_of(settings))
    powers = np.exp(evidence - np.max(evidence, axis=2, keepdims=True))
    probabilities = powers / powers.sum(axis=2, keepdims=True)

    keep = np.exp(-TICK_S / settings.smoothing_s) if settings.smoothing_s > 0 else 0.0
    uniform = np.full(len(LABELS), 1 / len(LABELS))
    smoothed = np.tile(uniform, (len(order), 1))
    state, since, last = np.full(len(order), _ABSENT), np.zeros(len(order)), np.full(len(order), -np.inf)
    changes: list[list[tuple[float, str]]] = [[(0.0, ABSENT)] for _ in order]
    for tick in range(lengths[0]):
        now, count = tick * TICK_S, int((lengths > tick).sum())
        p, here = probabilities[tick, :count], slice(0, count)
        told = ~np.isnan(p[:, 0])
        gone = ~told & (now - last[here] >= settings.hold_s)
        smoothed[here] = np.where(
            told[:, None], keep * smoothed[here] + (1 - keep) * p, np.where(gone[:, None], uniform, smoothed[here])
        )
        last[here] = np.where(told, now, last[here])
        wanted = np.where(told, _wanted(smoothed[here], state[here], settings), np.where(gone, _ABSENT, state[here]))
        new = (wanted != state[here]) & (now - since[here] >= settings.dwell_s)
        state[here] = np.where(new, wanted, state[here])
        since[here] = np.where(new, now, since[here])
        for place in np.flatnonzero(new):
            changes[place].append((now, STATES[state[place]]))
    found = [Seen((), ())] * len(order)
    for place, i in enumerate(order):
        found[i] = Seen(tuple(changes[place]), ())
    return found


def _wanted(smoothed: Reals, state: NDArray[np.int64], settings: DecisionConfig) -> NDArray[np.int64]:
    """The state that each of the distributions asks for, seen from the current one."""
    second, first = np.partition(smoothed, -2, axis=1)[:, -2:].T
    clear = (first >= settings.enter) & (first - second >= settings.margin)
    felt = state < len(LABELS)
    stays = felt & (smoothed[np.arange(len(state)), np.where(felt, state, 0)] >= settings.exit)
    return np.where(clear, smoothed.argmax(axis=1), np.where(stays, state, _UNCERTAIN))
