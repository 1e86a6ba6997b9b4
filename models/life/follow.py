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
from edge.emotion.evidence import total
from edge.emotion.expressiveness import prior_of
from edge.emotion.fusion import FusionWeights, weight_of
from edge.readings import ABSENT, LABELS, UNCERTAIN, FacesReading, SpeechReading
from edge.service.replay import TICK_S, Perceived
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
            elif name in ("face", "speech", "rest_neutral"):
                weights = replace(weights, **{name: value})
            elif name == "enter":
                decision = replace(decision, enter=value, exit=round(value - 0.1, 3))
            else:
                decision = replace(decision, **{name: value})
        return Choice(weights, decision)


def dial(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]], choice: Choice) -> dict[str, Any]:
    """What every position of `decision.expressiveness` finds, and what it finds that is not there."""
    fused = all_evidence(cast, seen, choice.weights)
    found = {}
    for position in DIAL:
        settings = replace(choice.decision, expressiveness=position)
        found[str(position)] = judged(cast, [followed(rows, settings) for rows in fused])
    return found


def all_evidence(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]], weights: FusionWeights) -> list[Reals]:
    return [evidence(items, scene.seconds, Config(), weights) for scene, items in zip(cast, seen, strict=True)]


def evidence(items: Sequence[Perceived], seconds: float, config: Config, weights: FusionWeights) -> Reals:
    """The fused evidence at every tick; NaN where there is none."""
    crowd, place = Crowd(config, weights), 0
    rows = np.full((round(seconds / TICK_S), len(LABELS)), np.nan)
    for tick in range(len(rows)):
        now = tick * TICK_S
        while place < len(items) and items[place].time <= now + 1e-6:
            for reading in items[place].readings:
                if isinstance(reading, FacesReading):
                    crowd.see(reading)
                elif isinstance(reading, SpeechReading):
                    crowd.hear(reading)
            place += 1
        tracks = sorted(crowd.present(now))
        parts = [*(crowd.parts(tracks[0], now) if tracks else []), *crowd.room(now)]
        weighted = [(said.evidence, share * weight_of(said, config.fusion, weights)) for said, share in parts]
        if any(weight > 0 for _, weight in weighted):
            rows[tick] = total(weighted)
    return rows


def followed(rows: Reals, settings: DecisionConfig) -> Seen:
    """The decision over fused evidence, as edge.emotion.decision takes it; see the test that compares both."""
    rows = rows + np.array(prior_of(settings))
    keep = np.exp(-TICK_S / settings.smoothing_s) if settings.smoothing_s > 0 else 0.0
    powers = np.exp(rows - np.max(rows, axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    smoothed, state, since, last = np.full(len(LABELS), 1 / len(LABELS)), _ABSENT, 0.0, float("-inf")
    changes = [(0.0, ABSENT)]
    for tick, p in enumerate(probabilities):
        now = tick * TICK_S
        if not np.isnan(p[0]):
            smoothed, last = keep * smoothed + (1 - keep) * p, now
            first = int(smoothed.argmax())
            second = float(np.partition(smoothed, -2)[-2])
            if smoothed[first] >= settings.enter and smoothed[first] - second >= settings.margin:
                wanted = first
            else:
                stays = state < len(LABELS) and smoothed[state] >= settings.exit
                wanted = state if stays else _UNCERTAIN
        elif now - last >= settings.hold_s:
            smoothed, wanted = np.full(len(LABELS), 1 / len(LABELS)), _ABSENT
        else:
            wanted = state
        if wanted != state and now - since >= settings.dwell_s:
            state, since = wanted, now
            changes.append((now, STATES[state]))
    return Seen(tuple(changes), ())
