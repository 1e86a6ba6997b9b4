"""Late fusion: evidence of face, voice and words, pooled by how good and how fresh each is. Pure functions.

What the models say under a uniform prior, the face beyond its rest, each times its weight; the owner's prior once, at
the end. A weak or old part so flattens the result, and nothing is counted twice. A feeling may show in face and voice,
or in one of them alone while the other stays neutral (`together`). Words may lift a feeling above neutral and support
or weaken one that is seen or heard, but put no other one in its place (`limited`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from edge.config import schema
from edge.device import resources
from edge.emotion.evidence import NEUTRAL, NONE, Evidence, distribution, total
from edge.errors import ModelError
from edge.readings import LABELS, Modality, Part, Probabilities, Reading, circumplex

Weight = Annotated[float, msgspec.Meta(ge=0.0, le=10.0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Nats = Annotated[float, msgspec.Meta(ge=-10.0, le=10.0)]
_SHORT = 0.98  # of the way to a tie
ByLabel = tuple[Nats, Nats, Nats, Nats, Nats, Nats, Nats]


class FusionWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """models/fusion/manifest.json: what was learned on people whom no model knows.

    A part weighs its base times its quality to a power. What a model misjudges on average is in its offsets.
    """

    name: str
    version: str
    face: Weight
    speech: Weight
    text: Weight = 0.6  # by rule: measured in models/text
    face_power: Weight = 1.0
    speech_power: Weight = 1.0
    apart: Share = 0.0  # how often a feeling shows in face or voice alone
    face_offsets: ByLabel = NONE  # type: ignore[assignment]
    speech_offsets: ByLabel = NONE  # type: ignore[assignment]
    rest: ByLabel = NONE  # type: ignore[assignment]  # what the face model says of most people at rest
    rest_neutral: Nats = 0.0  # what a face at rest counts for neutral
    labels: tuple[str, ...] = LABELS
    metrics: dict[str, object] = {}


def learned_weights(folder: Path | None = None) -> FusionWeights:
    """The shipped weights, or a ModelError that names the file."""
    path = (folder or resources.models() / "fusion") / "manifest.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=FusionWeights)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path}: no usable fusion weights: {error}; reinstall the service") from None


@dataclass(frozen=True, slots=True)
class Said:
    """What one modality says now, before it is weighed."""

    modality: Modality
    evidence: Evidence  # under a uniform prior; of a face beyond its rest
    quality: float
    age: float
    rest_known: bool | None = None  # None: no resting face is taken off


def freshness(age: float, max_age: float) -> float:
    """1 for news, falling gently and then fast to 0 at `max_age`."""
    return max(0.0, 1.0 - (max(age, 0.0) / max_age) ** 2)


def weight_of(said: Said, settings: schema.FusionConfig, learned: FusionWeights) -> float:
    """How much a part counts: by its modality, its quality and its age."""
    if said.modality == "face":
        base = learned.face if settings.face_weight is None else settings.face_weight
        power, max_age = learned.face_power, settings.face_max_age_s
    elif said.modality == "text":
        base = learned.text if settings.text_weight is None else settings.text_weight
        power, max_age = 1.0, settings.text_max_age_s
    else:
        base = learned.speech if settings.speech_weight is None else settings.speech_weight
        power, max_age = learned.speech_power, settings.speech_max_age_s
    return float(base * said.quality**power * freshness(said.age, max_age))


def beyond_rest(evidence: Evidence, learned: FusionWeights, prior: Evidence = NONE) -> Evidence:
    """Evidence without rest, with what looking as at rest says for neutral; `prior`: the owner's offsets for faces."""
    return tuple(
        value + offset + own + (learned.rest_neutral if i == NEUTRAL else 0.0)
        for i, (value, offset, own) in enumerate(zip(evidence, learned.face_offsets, prior, strict=True))
    )


def together(parts: Sequence[tuple[Evidence, float]], apart: float) -> Evidence:
    """What face and voice of one person say, each with its weight; neutral gets 0.

    By Bayes' rule: a feeling shows in all of them, whose evidence then adds up, or in a share `apart` of all times in
    one alone, as likely in this one as it weighs, and then the others say nothing for or against it. So a face at rest
    hardly speaks against what is plainly heard, while both together speak for neutral. With one part, its evidence.
    """
    if len(parts) < 2 or apart <= 0.0:
        whole = total(parts)
        return tuple(value - whole[NEUTRAL] for value in whole)
    beyond = [tuple(weight * (value - said[NEUTRAL]) for value in said) for said, weight in parts]
    everything = math.fsum(weight for _, weight in parts)
    shares = [1.0 - apart, *(apart * weight / everything for _, weight in parts)]
    return tuple(
        0.0 if label == NEUTRAL else _mixed(shares, [math.fsum(each), *each])
        for label, each in enumerate(zip(*beyond, strict=True))
    )


def _mixed(shares: Sequence[float], logarithms: Sequence[float]) -> float:
    """The logarithm of a weighted mean."""
    top = max(value for value, share in zip(logarithms, shares, strict=True) if share > 0.0)
    return top + math.log(
        math.fsum(share * math.exp(value - top) for value, share in zip(logarithms, shares, strict=True) if share > 0.0)
    )


def fuse(
    said: Sequence[tuple[Said, float]], prior: Evidence, now: float, people: int, apart: float = 0.0
) -> Reading | None:
    """One person's parts with their weights as one view of `now`, or None when there is no evidence."""
    parts = [(part, weight) for part, weight in said if weight > 0.0]
    if not parts:
        return None
    perceived = [(part.evidence, weight) for part, weight in parts if part.modality != "text"]
    whole = total([(together(perceived, apart), 1.0), (prior, 1.0)]) if perceived else prior
    if perceived:
        parts = [
            (part, limited(whole, part.evidence, weight) if part.modality == "text" else weight)
            for part, weight in parts
        ]
    words = [(part.evidence, weight) for part, weight in parts if part.modality == "text"]
    everything = sum(weight for _, weight in parts)
    return reading_of(
        distribution(total([(whole, 1.0), *words])),
        now,
        people,
        {part.modality: part_of(part, weight, weight / everything, prior) for part, weight in parts},
    )


def limited(whole: Evidence, words: Evidence, weight: float) -> float:
    """The weight at which words let a feeling that leads in `whole` keep its lead over all others."""
    first = max(range(len(whole)), key=whole.__getitem__)
    if first == NEUTRAL:
        return weight
    for value, said in zip(whole, words, strict=True):
        gain = said - words[first]
        if gain > 0.0:
            weight = min(weight, _SHORT * (whole[first] - value) / gain)
    return weight


def part_of(said: Said, weight: float, share: float, prior: Evidence) -> Part:
    """What this part alone would have made of the moment."""
    alone = distribution([weight * value + offset for value, offset in zip(said.evidence, prior, strict=True)])
    return Part(alone, max(said.age, 0.0), said.quality, share, said.rest_known)


def reading_of(probabilities: Probabilities, now: float, people: int, parts: dict[Modality, Part]) -> Reading:
    """A distribution with what follows from it."""
    valence, arousal = circumplex(probabilities)
    return Reading(now, probabilities, valence, arousal, max(probabilities), people, parts)
