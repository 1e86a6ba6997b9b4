"""python -m models.life.tune: fusion and thresholds anew, on the people who are for tuning; then report on the others.

Learns the weights of the fusion, then tries thresholds and how much rest counts, all on what was perceived once. Writes
models/fusion/manifest.json and prints the defaults that `decision` in edge/config/schema.py should have.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from edge.config.schema import DecisionConfig
from edge.service.replay import Perceived
from models.fusion.moments import Moments
from models.fusion.train import learned, options, write
from models.life.evaluate import models_of
from models.life.follow import Choice, all_followed, fused_again, ticks
from models.life.perceive import perceive
from models.life.scenes import FULL, LifeScene, scenes
from models.life.score import judged
from models.life.talk import claimed, talks

# What is tried: every combination of a row, one row after the other, starting from the best so far.
ROUNDS: tuple[Mapping[str, tuple[float, ...]], ...] = (
    {
        "rest_neutral": (2.2, 2.5), "speech_neutral": (0.25, 0.5, 0.75, 1.0), "face": (1.3, 1.6),
        "speech": (1.6, 2.4, 3.2, 4.0), "apart": (0.4, 0.6, 0.8),
    },
    {
        "enter": (0.3, 0.36, 0.42, 0.46), "smoothing_s": (0.2, 0.4, 0.6), "margin": (0.02, 0.05, 0.1),
        "dwell_s": (0.3, 0.5),
    },
)  # fmt: skip
_FOUND = ("face", "voice", "both", "disagree")
_WRONG = {"face": 3.0, "voice": 1.0, "both": 1.0, "disagree": 1.0}  # what a share of scenes with a wrong state costs
_WRONG_MOST = 0.05  # of scenes at rest
_CALM = {"face": 600.0, "both": 500.0, "neutral": 150.0}  # changes an hour
_CHANGE = 0.0005  # what one more costs
# Of the time in which somebody talks: limits, what is above costs much. The aim is 0.05, and these are few people.
_TALK_MOST, _ANGRY_MOST = 0.04, 0.01
_TALKED = 8.0  # what a share of that time with a feeling costs


def main() -> None:
    asked = options(__doc__ or "")
    models = models_of(asked)
    cast = scenes(asked.data, "tune", FULL, asked.corpora, models.folds)
    cast += talks(asked.data, "tune", asked.corpora, models.folds)
    seen = perceive(cast, models, asked.work, asked.workers)
    found = searched(cast, seen, Choice(learned(cast, seen), DecisionConfig()))
    write(asked.fusion, found.weights)
    print(found.decision)


def searched(cast: Sequence[LifeScene], seen: Sequence[Sequence[Perceived]], start: Choice) -> Choice:
    """The best choice for these scenes."""
    at: dict[object, Moments] = {}
    best, most = start, float("-inf")
    for values in ROUNDS:
        begin = best
        for each in itertools.product(*values.values()):
            choice = begin.having(dict(zip(values, each, strict=True)))
            at_rest = choice.weights.rest_neutral, choice.weights.speech_offsets  # what decides what is learned of rest
            if at_rest not in at:
                at[at_rest] = ticks(cast, seen, choice.weights)
            states = all_followed(fused_again(at[at_rest], choice.weights), choice.decision)
            figures = judged(cast, states) | {"talk": claimed(cast, states)}
            if worth(figures) > most:
                best, most = choice, worth(figures)
                print(round(most, 4), dict(zip(values, each, strict=True)), _short(figures), flush=True)
    return best


def worth(figures: Mapping[str, Any]) -> float:
    """What is found, what is found in time, and what is found that is not there."""
    kinds = {kind: figures[kind] for kind in _FOUND if kind in figures}
    found = sum(one["macro_recall"]["state"] + 0.2 * one["entered_in_time"] for one in kinds.values())
    wrong = sum(_WRONG[kind] * max(0.0, one["wrong_at_rest"] - _WRONG_MOST) for kind, one in kinds.items())
    neutral = figures["neutral"]["wrong"] if "neutral" in figures else 0.0
    arrival = figures["arrival"]["macro_recall"]["state"] if "arrival" in figures else 0.0
    restless = sum(max(0.0, figures[kind]["changes_an_hour"] - calm) for kind, calm in _CALM.items() if kind in figures)
    talk = sum(
        max(0.0, one["feeling"] - _TALK_MOST) + max(0.0, one["angry"] - _ANGRY_MOST)
        for one in figures.get("talk", {}).values()
    )
    return float(found + 0.3 * arrival - wrong - 6.0 * max(0.0, neutral - 0.02) - _TALKED * talk - _CHANGE * restless)


def _short(figures: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    short: dict[str, tuple[float, ...]] = {
        kind: (figures[kind]["macro_recall"]["state"], figures[kind]["entered_in_time"], figures[kind]["wrong_at_rest"])
        for kind in _FOUND
        if kind in figures
    }
    short |= {kind: (one["feeling"], one["angry"]) for kind, one in figures.get("talk", {}).items()}
    return short | {"neutral": (figures.get("neutral", {}).get("wrong", 0.0),)}


if __name__ == "__main__":
    main()
