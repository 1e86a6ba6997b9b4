"""python -m models.life.tune: fusion and thresholds anew, on the people who are for tuning; then report on the others.

Learns the weights of the fusion, then tries thresholds and how much rest counts, all on what was perceived once. Writes
models/fusion/manifest.json and prints the defaults that `decision` in edge/config/schema.py should have.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config.schema import Config, DecisionConfig
from edge.emotion.crowd import Crowd
from edge.emotion.evidence import total
from edge.emotion.fusion import FusionWeights, weight_of
from edge.readings import ABSENT, LABELS, UNCERTAIN, FacesReading
from edge.service.replay import TICK_S, Perceived
from models.fusion.train import learned, options, write
from models.life.evaluate import models_of
from models.life.perceive import perceive
from models.life.scenes import FULL, LifeScene, scenes
from models.life.score import Seen, judged

Reals = NDArray[np.float64]
STATES = (*LABELS, UNCERTAIN, ABSENT)
_UNCERTAIN, _ABSENT = STATES.index(UNCERTAIN), STATES.index(ABSENT)

# What is tried: every combination of a row, one row after the other, starting from the best so far.
ROUNDS: tuple[Mapping[str, tuple[float, ...]], ...] = (
    {"face": (1.2, 1.6, 2.0), "rest_neutral": (1.5, 2.0, 2.5, 3.0), "enter": (0.4, 0.45, 0.5)},
    {"speech": (0.5, 0.8, 1.1, 1.4), "speech_neutral": (0.0, 0.7, 1.4)},
    {"smoothing_s": (0.4, 0.6, 0.9), "margin": (0.05, 0.1, 0.15), "dwell_s": (0.5, 1.0, 1.5)},
    {"rest_neutral": (1.5, 2.0, 2.5, 3.0), "enter": (0.4, 0.45, 0.5)},
)


@dataclass(frozen=True)
class Choice:
    """Weights of the fusion and thresholds of the decision."""

    weights: FusionWeights
    decision: DecisionConfig

    def having(self, values: Mapping[str, float]) -> Choice:
        weights, decision = self.weights, self.decision
        for name, value in values.items():
            if name == "speech_neutral":
                offsets = (self.weights.speech_offsets[0] + value, *self.weights.speech_offsets[1:])
                weights = replace(weights, speech_offsets=offsets)
            elif name in ("face", "speech", "rest_neutral"):
                weights = replace(weights, **{name: value})
            elif name == "enter":
                decision = replace(decision, enter=value, exit=round(value - 0.1, 3))
            else:
                decision = replace(decision, **{name: value})
        return Choice(weights, decision)


def main() -> None:
    asked = options(__doc__ or "")
    cast = scenes(asked.data, "tune", FULL, asked.corpora)
    seen = perceive(cast, models_of(asked), asked.work)
    found = searched(cast, seen, Choice(learned(cast, seen), DecisionConfig()))
    write(asked.fusion, found.weights)
    print(found.decision)


def searched(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]], start: Choice) -> Choice:
    """The best choice for these scenes."""
    best, most = start, float("-inf")
    fused: dict[bytes, list[Reals]] = {}
    for values in ROUNDS:
        begin = best
        for each in itertools.product(*values.values()):
            choice = begin.having(dict(zip(values, each, strict=True)))
            key = msgspec.json.encode(choice.weights)
            if key not in fused:
                fused = {key: _evidence(cast, seen, choice.weights)}  # thresholds are tried on the same
            figures = judged(cast, [followed(rows, choice.decision) for rows in fused[key]])
            if worth(figures) > most:
                best, most = choice, worth(figures)
                print(round(most, 4), dict(zip(values, each, strict=True)), _short(figures), flush=True)
    return best


def worth(figures: Mapping[str, Any]) -> float:
    """What is found, what is found in time, and what is found that is not there."""
    kinds = [figures[kind] for kind in ("face", "voice", "both") if kind in figures]
    found = sum(one["macro_recall"]["state"] + 0.2 * one["entered_in_time"] for one in kinds)
    wrong = sum(max(0.0, one["wrong_at_rest"] - 0.04) for one in kinds)
    neutral = figures["neutral"]["wrong"] if "neutral" in figures else 0.0
    arrival = figures["arrival"]["macro_recall"]["state"] if "arrival" in figures else 0.0
    return float(found + 0.3 * arrival - 3.0 * wrong - 6.0 * max(0.0, neutral - 0.015))


def _short(figures: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    short = {
        kind: (figures[kind]["macro_recall"]["state"], figures[kind]["entered_in_time"], figures[kind]["wrong_at_rest"])
        for kind in ("face", "voice", "both")
        if kind in figures
    }
    return short | {"neutral": (figures.get("neutral", {}).get("wrong", 0.0),)}


def _evidence(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]], weights: FusionWeights) -> list[Reals]:
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
                else:
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


if __name__ == "__main__":
    main()
