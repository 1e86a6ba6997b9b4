"""Late fusion: what face and voice say, pooled by how good and how fresh each is. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from edge.config import schema
from edge.device import resources
from edge.errors import ModelError
from edge.readings import LABELS, FaceReading, Modality, Part, Probabilities, Reading, SpeechReading, circumplex

FLOOR = 1e-4  # no model is so sure that it may veto the other


Weight = Annotated[float, msgspec.Meta(ge=0.0, le=10.0)]
Trust = tuple[Weight, Weight, Weight, Weight, Weight, Weight, Weight]  # by label, around one
EVEN: Trust = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


class FusionWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """models/fusion/manifest.json: exponents of the log-linear pool, learned on data.

    A part weighs its base times its quality to a power. Where both speak, each label has its own share of that.
    """

    name: str
    version: str
    face: Weight
    speech: Weight
    face_power: Weight = 1.0
    speech_power: Weight = 1.0
    face_trust: Trust = EVEN
    speech_trust: Trust = EVEN
    labels: tuple[str, ...] = LABELS
    metrics: dict[str, object] = {}


def learned_weights(folder: Path | None = None) -> FusionWeights:
    """The shipped weights, or a ModelError that names the file."""
    path = (folder or resources.models() / "fusion") / "manifest.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=FusionWeights)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path}: no usable fusion weights: {error}; reinstall the service") from None


def freshness(age: float, max_age: float) -> float:
    """1 for news, falling gently and then fast to 0 at `max_age`."""
    return max(0.0, 1.0 - (max(age, 0.0) / max_age) ** 2)


def pool(parts: Sequence[tuple[Probabilities, float]], trusts: Sequence[Trust] = ()) -> Probabilities:
    """Log-linear pool: the product of the distributions, each raised to its weight, made to sum to one.

    `trusts` (one for each part) multiply the weights by label.
    """
    trusts = trusts or [EVEN] * len(parts)
    logs = [
        sum(weight * trust[i] * math.log(max(p[i], FLOOR)) for (p, weight), trust in zip(parts, trusts, strict=True))
        for i in range(len(LABELS))
    ]
    top = max(logs)
    powers = [math.exp(value - top) for value in logs]
    total = sum(powers)
    return tuple(power / total for power in powers)


def crowd(faces: Sequence[FaceReading], now: float, max_age: float) -> tuple[Probabilities, float, float] | None:
    """Several faces as one: mean distribution weighted by quality, the mean quality, and the age of the newest."""
    weighted = [
        (face, face.quality * freshness(now - face.time, max_age)) for face in sorted(faces, key=lambda f: f.track)
    ]
    total = sum(weight for _, weight in weighted)
    if total <= 0.0:
        return None
    mean = tuple(sum(face.probabilities[i] * weight for face, weight in weighted) / total for i in range(len(LABELS)))
    quality = sum(face.quality * weight for face, weight in weighted) / total
    return mean, quality, now - max(face.time for face, weight in weighted if weight > 0.0)


def fuse(
    faces: Sequence[FaceReading],
    speech: SpeechReading | None,
    now: float,
    settings: schema.FusionConfig,
    learned: FusionWeights,
) -> Reading | None:
    """The fused view of `now`, or None when there is no evidence. A weak or old part flattens the result."""
    evidence: list[tuple[Modality, Probabilities, float, float, float]] = []
    seen = crowd(faces, now, settings.face_max_age_s)
    if seen is not None:
        probabilities, quality, age = seen
        base = learned.face if settings.face_weight is None else settings.face_weight
        weight = base * quality**learned.face_power * freshness(age, settings.face_max_age_s)
        evidence.append(("face", probabilities, age, quality, weight))
    if speech is not None and speech.probabilities is not None:
        age = now - speech.time
        base = learned.speech if settings.speech_weight is None else settings.speech_weight
        weight = base * speech.quality**learned.speech_power * freshness(age, settings.speech_max_age_s)
        evidence.append(("speech", speech.probabilities, age, speech.quality, weight))
    total = sum(weight for *_, weight in evidence)
    if total <= 0.0:
        return None
    both = sum(1 for *_, weight in evidence if weight > 0.0) == len(("face", "speech"))
    trusts = (learned.face_trust, learned.speech_trust) if both else ()
    fused = pool([(probabilities, weight) for _, probabilities, _, _, weight in evidence], trusts)
    valence, arousal = circumplex(fused)
    return Reading(
        time=now,
        probabilities=fused,
        valence=valence,
        arousal=arousal,
        confidence=max(fused),
        people=len(faces),
        parts={
            modality: Part(probabilities, max(age, 0.0), quality, weight / total)
            for modality, probabilities, age, quality, weight in evidence
            if weight > 0.0
        },
    )
