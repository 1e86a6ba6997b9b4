"""scripts/evaluate fusion: ways of fusing on moments of people who are only reported on; writes tables.

The scenes are those of `scripts/evaluate life`; the people and speakers are others than fusion was learned on.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from edge.config.schema import Config
from edge.emotion.fusion import FusionWeights, learned_weights
from models.common.card import replace_measured
from models.common.metrics import expected_calibration_error
from models.fusion.moments import Moments, Reals, moments
from models.fusion.rules import Condition, loss, posterior, recall
from models.fusion.train import conditions, options
from models.life.evaluate import models_of
from models.life.perceive import perceive
from models.life.scenes import FULL, scenes

PROTOCOL = (
    "Half-second moments of composed scenes of held-back people and speakers, every label alike, macro recall. In two "
    "of five scenes with both, face or voice stays neutral while the other one feels; the feeling counts as true. Face "
    "and voice are of different people."
)


def main() -> None:
    asked = options(__doc__ or "")
    weights = learned_weights(asked.fusion)
    models = models_of(asked)
    cast = scenes(asked.data, "report", FULL, asked.corpora, models.folds)
    found = conditions(cast, moments(cast, perceive(cast, models, asked.work, asked.workers), Config(), weights))
    measured = {"protocol": PROTOCOL, "conditions": {name: _ways(one, weights) for name, one in found.items()}}
    (asked.fusion / "metrics.json").write_bytes(msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")
    replace_measured(asked.fusion / "README.md", table(measured))
    print(table(measured))


def _ways(condition: Condition, weights: FusionWeights) -> dict[str, Any]:
    """Either side alone, simple rules, and what ships."""
    plain = replace(weights, face=1.0, speech=1.0, face_power=0.0, speech_power=0.0)
    ways = {
        "face": posterior(condition.moments, replace(weights, speech=0.0)),
        "speech": posterior(condition.moments, replace(weights, face=0.0)),
        "average": average(condition.moments, plain),
        "product": posterior(condition.moments, plain),
        "shipped": posterior(condition.moments, weights),
    }
    return {
        name: {
            "macro_recall": round(recall(condition, p), 4),
            "loss": round(loss(condition, p), 4),
            "calibration_error": round(expected_calibration_error(condition.moments.truth, p), 4),
        }
        for name, p in ways.items()
    } | {"moments": len(condition.moments)}


def average(found: Moments, weights: FusionWeights) -> Reals:
    """The plain mean of the two distributions."""
    face = posterior(found, replace(weights, speech=0.0))
    speech = posterior(found, replace(weights, face=0.0))
    return np.asarray((face + speech) / 2)


def table(measured: dict[str, Any]) -> str:
    """The figures for a person."""
    lines = [
        "| condition | moments | face alone | voice alone | average | product | **shipped** | its calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, ways in measured["conditions"].items():
        cells = [f"{ways[way]['macro_recall']:.2f}" for way in ("face", "speech", "average", "product", "shipped")]
        cells[-1] = f"**{cells[-1]}**"
        error = 100 * ways["shipped"]["calibration_error"]
        lines.append(f"| {name} | {ways['moments']} | {' | '.join(cells)} | {error:.1f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
