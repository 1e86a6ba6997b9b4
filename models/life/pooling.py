"""python -m models.life.pooling: a face's evidence of the last moments as a mean, or with more weight on its peaks.

Tried on the people who are for tuning, with the shipped weights and thresholds; prints a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from edge.config.schema import DecisionConfig
from edge.emotion import person
from edge.emotion.evidence import Evidence, evidence_of, lead, total
from edge.emotion.fusion import learned_weights
from edge.readings import LABELS, FaceReading
from models.life.evaluate import arguments, models_of
from models.life.follow import all_followed, fused_again, ticks
from models.life.perceive import perceive
from models.life.scenes import FULL, scenes
from models.life.score import judged

Pool = Callable[[Iterable[FaceReading]], tuple[Evidence, float]]
_WINDOWS_S = (0.7, 1.0, 1.5, 2.0)


def peaks(strength: float) -> Pool:
    """A mean in which a reading counts the more, the further a feeling leads in it."""

    def pool(recent: Iterable[FaceReading]) -> tuple[Evidence, float]:
        faces = sorted(recent, key=lambda face: face.time)
        said = [evidence_of(face.probabilities) for face in faces]
        highest = max(lead(each) for each in said)
        weights = [
            face.quality * math.exp(strength * (lead(each) - highest)) for face, each in zip(faces, said, strict=True)
        ]
        whole = math.fsum(weights)
        if whole <= 0.0:
            return said[-1], 0.0
        mean = total([(each, weight / whole) for each, weight in zip(said, weights, strict=True)])
        return mean, math.fsum(face.quality for face in faces) / len(faces)

    return pool


def mixed(recent: Iterable[FaceReading]) -> tuple[Evidence, float]:
    """The evidence of the mean distribution: a soft maximum over time for each label."""
    faces = sorted(recent, key=lambda face: face.time)
    whole = math.fsum(face.quality for face in faces)
    if whole <= 0.0:
        return evidence_of(faces[-1].probabilities), 0.0
    mean = tuple(
        math.fsum(face.quality / whole * face.probabilities[label] for face in faces) for label in range(len(LABELS))
    )
    return evidence_of(mean), whole / len(faces)


POOLS: Mapping[str, Pool] = {
    "mean": person.pooled,
    "peaks, 0.3": peaks(0.3),
    "peaks, 1": peaks(1.0),
    "mean distribution": mixed,
}


def main() -> None:
    asked = arguments(__doc__ or "").parse_args()
    models = models_of(asked)
    cast = [scene for scene in scenes(asked.data, "tune", FULL, asked.corpora, models.folds) if scene.kind != "voice"]
    seen = perceive(cast, models, asked.work, asked.workers)
    print("| pooled over | how | faces found | within 2.5 s | wrong at rest | both found | neutral time wrong |")
    print("|---|---|---|---|---|---|---|")
    for window in _WINDOWS_S:
        for name, pool in POOLS.items():
            vars(person).update(POOLED_S=window, pooled=pool)  # this process alone
            fused = fused_again(ticks(cast, seen, learned_weights()), learned_weights())
            print(_row(window, name, judged(cast, all_followed(fused, DecisionConfig()))), flush=True)


def _row(window: float, name: str, m: Mapping[str, Any]) -> str:
    face = m["face"]
    return (
        f"| {window:g} s | {name} | {face['macro_recall']['state']:.2f} | {100 * face['entered_in_time']:.0f} % "
        f"| {100 * face['wrong_at_rest']:.1f} % | {m['both']['macro_recall']['state']:.2f} "
        f"| {100 * m['neutral']['wrong']:.1f} % |"
    )


if __name__ == "__main__":
    main()
