"""Moments of the life scenes: what face and voice say beyond rest, and what was felt. Fusion is learned from these.

Only people and speakers of the part that is for tuning. Scenes with both have a share in which one side stays neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config.schema import Config
from edge.emotion.crowd import Crowd
from edge.emotion.fusion import FusionWeights, Said, freshness
from edge.readings import LABELS, FacesReading, SpeechReading
from edge.service.replay import Perceived
from models.life.scenes import LifeScene
from models.life.score import SETTLED_S

Reals = NDArray[np.float64]
STEP_S = 0.5
_ONSET_S = 1.0  # after a feeling began: before, both answers are right


@dataclass(frozen=True)
class Moments:
    """Row by row: what was felt, and each side's evidence with the weight that quality, age and owner leave it."""

    truth: NDArray[np.int64]
    scene: NDArray[np.int64]
    face: Reals
    face_quality: Reals
    face_share: Reals  # freshness; 0 where there is no face
    speech: Reals
    speech_quality: Reals
    speech_share: Reals

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: NDArray[np.bool_]) -> Moments:
        return Moments(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


def moments(
    scenes: Sequence[LifeScene], perceived: Sequence[Sequence[Perceived]], config: Config, learned: FusionWeights
) -> Moments:
    """Every half second of every scene. The evidence is without what `learned` adds to it: that is to be found."""
    plain = replace(learned, face_offsets=(0.0,) * len(LABELS), speech_offsets=(0.0,) * len(LABELS))
    rows = [
        (*row, number)
        for number, (scene, items) in enumerate(zip(scenes, perceived, strict=True))
        for row in _of(scene, items, config, plain)
    ]
    truth, face, face_quality, face_share, speech, speech_quality, speech_share, scene_number = zip(*rows, strict=True)
    return Moments(
        np.array(truth), np.array(scene_number), np.array(face), np.array(face_quality), np.array(face_share),
        np.array(speech), np.array(speech_quality), np.array(speech_share),
    )  # fmt: skip


def _of(
    scene: LifeScene, items: Sequence[Perceived], config: Config, learned: FusionWeights
) -> list[tuple[int, tuple[float, ...], float, float, tuple[float, ...], float, float]]:
    crowd, rows, due = Crowd(config, learned), [], SETTLED_S if scene.kind != "arrival" else 1.5
    for now, readings in items:
        for reading in readings:
            if isinstance(reading, FacesReading):
                crowd.see(reading)
            elif isinstance(reading, SpeechReading):
                crowd.hear(reading)
        if now < due:
            continue
        due += STEP_S
        span = next((span for span in scene.spans if span.start <= now < span.end), None)
        if span is None or (span.start > 0 and now < span.start + _ONSET_S):
            continue
        present = sorted(crowd.present(now))
        parts = {said.modality: (said, share) for said, share in crowd.parts(present[0], now)} if present else {}
        parts |= {said.modality: (said, share) for said, share in crowd.room(now)}
        face = _side(parts.get("face"), config.fusion.face_max_age_s, learned.rest_neutral)
        speech = _side(parts.get("speech"), config.fusion.speech_max_age_s, 0.0)
        if face[2] > 0 or speech[2] > 0:
            rows.append((LABELS.index(span.label), *face, *speech))
    return rows


def _side(part: tuple[Said, float] | None, max_age: float, neutral: float) -> tuple[tuple[float, ...], float, float]:
    """Evidence without what rest counts for neutral, quality, and share of the weight."""
    if part is None:
        return (0.0,) * len(LABELS), 0.0, 0.0
    said, share = part
    evidence = (said.evidence[0] - neutral, *said.evidence[1:])
    return evidence, said.quality, share * freshness(said.age, max_age)
