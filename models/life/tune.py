"""python -m models.life.tune: fusion and thresholds anew, on the people who are for tuning; then report on the others.

Learns the weights of the fusion, then tries thresholds and how much rest counts, all on what was perceived once. Writes
models/fusion/manifest.json and prints the defaults that `decision` in edge/config/schema.py should have.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edge.config.schema import DecisionConfig
from edge.service.replay import Perceived
from models.fusion.train import learned, options, write
from models.life.evaluate import models_of
from models.life.follow import Choice, Reals, all_evidence, followed
from models.life.perceive import perceive
from models.life.scenes import FULL, LifeScene, scenes
from models.life.score import judged

# What is tried: every combination of a row, one row after the other, starting from the best so far.
ROUNDS: tuple[Mapping[str, tuple[float, ...]], ...] = (
    {"face": (1.6, 2.0), "rest_neutral": (1.8, 2.2, 2.4, 2.6), "enter": (0.42, 0.46, 0.5)},
    {"speech": (0.9, 1.2, 1.5), "speech_neutral": (1.5, 2.0, 2.5, 3.0)},
    {"smoothing_s": (0.4, 0.6, 0.8), "margin": (0.05, 0.1, 0.15), "dwell_s": (0.5, 1.0)},
)
_WRONG = {"face": 3.0, "voice": 0.5, "both": 2.0}  # what a share of scenes with a wrong state at rest costs


def main() -> None:
    asked = options(__doc__ or "")
    cast = scenes(asked.data, "tune", FULL, asked.corpora)
    seen = perceive(cast, models_of(asked), asked.work, asked.workers)
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
                fused = {key: all_evidence(cast, seen, choice.weights)}  # thresholds are tried on the same
            figures = judged(cast, [followed(rows, choice.decision) for rows in fused[key]])
            if worth(figures) > most:
                best, most = choice, worth(figures)
                print(round(most, 4), dict(zip(values, each, strict=True)), _short(figures), flush=True)
    return best


def worth(figures: Mapping[str, Any]) -> float:
    """What is found, what is found in time, and what is found that is not there."""
    kinds = [figures[kind] for kind in ("face", "voice", "both") if kind in figures]
    found = sum(one["macro_recall"]["state"] + 0.2 * one["entered_in_time"] for one in kinds)
    wrong = sum(_WRONG[kind] * max(0.0, figures[kind]["wrong_at_rest"] - 0.04) for kind in _WRONG if kind in figures)
    neutral = figures["neutral"]["wrong"] if "neutral" in figures else 0.0
    arrival = figures["arrival"]["macro_recall"]["state"] if "arrival" in figures else 0.0
    return float(found + 0.3 * arrival - wrong - 6.0 * max(0.0, neutral - 0.02))


def _short(figures: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    short = {
        kind: (figures[kind]["macro_recall"]["state"], figures[kind]["entered_in_time"], figures[kind]["wrong_at_rest"])
        for kind in ("face", "voice", "both")
        if kind in figures
    }
    return short | {"neutral": (figures.get("neutral", {}).get("wrong", 0.0),)}


if __name__ == "__main__":
    main()
