"""scripts/train fusion: learns the weights of the late fusion on scenes of people whom no model knows.

Writes models/fusion/manifest.json. Minutes when the scenes were perceived before (`scripts/evaluate life --part tune`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from edge.config.schema import Config
from edge.device import resources
from edge.emotion.evidence import evidence_of
from edge.emotion.fusion import FusionWeights
from edge.readings import LABELS, FacesReading
from edge.service.replay import Perceived
from models.fusion.moments import Moments, moments
from models.fusion.rules import Condition, fitted, posterior, recall
from models.life.evaluate import arguments, models_of
from models.life.perceive import perceive
from models.life.scenes import FULL, LifeScene, scenes

ROUNDS = 2  # the resting face is learned with the weights, and the weights with the resting face
START = FusionWeights(name="fusion", version="5", face=1.0, speech=1.0, rest_neutral=1.0)


def main() -> None:
    asked = options(__doc__ or "")
    models = models_of(asked)
    cast = scenes(asked.data, "tune", FULL, asked.corpora, models.folds)
    weights = learned(cast, perceive(cast, models, asked.work, asked.workers))
    write(asked.fusion, weights)
    print(msgspec.json.encode(weights).decode())


def learned(cast: Sequence[LifeScene], perceived: Sequence[Sequence[Perceived]]) -> FusionWeights:
    """Weights and the population's rest from these scenes."""
    weights = replace(START, rest=population(cast, perceived))
    for _ in range(ROUNDS):
        weights = fitted(conditions(cast, moments(cast, perceived, Config(), weights)), weights)
    found = conditions(cast, moments(cast, perceived, Config(), weights))
    return replace(
        weights,
        metrics={
            "macro_recall": {
                name: round(recall(one, posterior(one.moments, weights)), 3) for name, one in found.items()
            }
        },
    )


def population(cast: Sequence[LifeScene], perceived: Sequence[Sequence[Perceived]]) -> tuple[float, ...]:
    """The median of what the face model says of people at rest, each person once."""
    people = []
    for scene, items in zip(cast, perceived, strict=True):
        if scene.kind not in ("face", "neutral"):
            continue
        rest = scene.spans[0]
        said = [
            evidence_of(face.probabilities)
            for now, readings in items
            for reading in readings
            if isinstance(reading, FacesReading) and rest.start <= now < rest.end
            for face in reading.faces
        ]
        if said:
            people.append(np.median(said, axis=0))
    middle = np.median(people, axis=0)
    return tuple((middle - middle.mean()).round(3).tolist())


def conditions(cast: Sequence[LifeScene], found: Moments) -> dict[str, Condition]:
    """What the weights must do well in, each by itself."""
    kinds = np.array([scene.kind for scene in cast])[found.scene]
    both = np.isin(kinds, ("both", "apart")) & (found.face_share > 0) & (found.speech_share > 0)
    agree = ~np.array([scene.disagree for scene in cast])[found.scene]
    poor = (kinds == "poor") | (kinds == "arrival")
    chosen = {
        "face alone": (kinds == "face") | (kinds == "neutral"),
        "poor face, or of a stranger": poor | ((kinds == "neutral") & poor.any()),
        "voice alone": kinds == "voice",
        "both": both & agree,
        "face or voice stays neutral": both & ~agree,
    }
    return {name: Condition.of(found.where(rows)) for name, rows in chosen.items() if _enough(found.truth[rows])}


def _enough(truth: np.ndarray) -> bool:  # type: ignore[type-arg]
    return len(truth) >= len(LABELS) and len(np.unique(truth)) > 1


def write(folder: Path, manifest: FusionWeights) -> None:
    """Write manifest.json, readable."""
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / "manifest.json").write_bytes(text + b"\n")


def options(description: str) -> argparse.Namespace:
    """What learning and judging are told alike."""
    parser = arguments(description)
    parser.add_argument("--fusion", type=Path, default=resources.models() / "fusion", help="where the manifest is")
    return parser.parse_args()


if __name__ == "__main__":
    main()
