"""Moments of the life scenes: what face and voice say beyond rest, and what was felt. Fusion is learned from these.

Only people and speakers of the part that is for tuning. Scenes with both have a share in which one side stays neutral.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from edge.config.schema import Config
from edge.emotion.crowd import Crowd
from edge.emotion.fusion import FusionWeights, Said, freshness
from edge.readings import LABELS, FacesReading, SpeechReading, TextReading
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
    own: NDArray[np.bool_]  # the voice is that of whoever is seen; else the room's

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: NDArray[np.bool_]) -> Moments:
        return Moments(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})


Row = tuple[tuple[float, ...], float, float, tuple[float, ...], float, float, bool]  # as in Moments, from `face` on


def moments(
    scenes: Sequence[LifeScene], perceived: Sequence[Sequence[Perceived]], config: Config, learned: FusionWeights
) -> Moments:
    """Every half second of every scene."""
    found = [
        (truth, number, row)
        for number, (scene, items) in enumerate(zip(scenes, perceived, strict=True))
        for truth, row in _of(scene, items, config, learned)
    ]
    truth, number, rows = zip(*found, strict=True)
    return as_moments(rows, truth, number)


def as_moments(rows: Sequence[Row], truth: Sequence[int], scene: Sequence[int]) -> Moments:
    """The rows as columns."""
    return Moments(np.array(truth), np.array(scene), *(np.array(column) for column in zip(*rows, strict=True)))


def _of(
    scene: LifeScene, items: Sequence[Perceived], config: Config, learned: FusionWeights
) -> Iterator[tuple[int, Row]]:
    crowd, due = Crowd(config, learned), SETTLED_S if scene.kind != "arrival" else 1.5
    for now, readings in items:
        take_in(crowd, readings)
        if now < due:
            continue
        due += STEP_S
        span = next((span for span in scene.spans if span.start <= now < span.end), None)
        if span is None or (span.start > 0 and now < span.start + _ONSET_S):
            continue
        row = row_of(crowd, now, config, learned)
        if row[2] > 0 or row[5] > 0:
            yield LABELS.index(span.label), row


def take_in(crowd: Crowd, readings: Iterable[FacesReading | SpeechReading | TextReading]) -> None:
    """Let the crowd see and hear what came."""
    for reading in readings:
        if isinstance(reading, FacesReading):
            crowd.see(reading)
        elif isinstance(reading, SpeechReading):
            crowd.hear(reading)


def row_of(crowd: Crowd, now: float, config: Config, learned: FusionWeights) -> Row:
    """What face and voice say now, without the numbers of `learned` that are to be found."""
    present = sorted(crowd.present(now))
    parts = {said.modality: (said, share) for said, share in crowd.parts(present[0], now)} if present else {}
    own = "speech" in parts
    parts |= {said.modality: (said, share) for said, share in crowd.room(now)}
    added = (learned.rest_neutral + learned.face_offsets[0], *learned.face_offsets[1:])
    return (
        *_side(parts.get("face"), config.fusion.face_max_age_s, added),
        *_side(parts.get("speech"), config.fusion.speech_max_age_s, learned.speech_offsets),
        own,
    )


def _side(
    part: tuple[Said, float] | None, max_age: float, added: Sequence[float]
) -> tuple[tuple[float, ...], float, float]:
    """Evidence without what was added to it, quality, and share of the weight."""
    if part is None:
        return (0.0,) * len(LABELS), 0.0, 0.0
    said, share = part
    evidence = tuple(value - more for value, more in zip(said.evidence, added, strict=True))
    return evidence, said.quality, share * freshness(said.age, max_age)
