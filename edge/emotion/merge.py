"""Several people as one view of the scene, and what belongs to the room beside them. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from edge.emotion.fusion import reading_of
from edge.readings import Modality, Part, Probabilities, Reading


def as_one(people: Sequence[Reading], now: float, count: int) -> Reading:
    """Several people as one: the mean of their distributions, who is seen well counting more."""
    if len(people) == 1:
        only = people[0]
        return reading_of(only.probabilities, now, count, only.parts)
    weights = [max(part.quality * part.weight for part in one.parts.values()) for one in people]
    whole = sum(weights) or 1.0
    mean = _mean([one.probabilities for one in people], [weight / whole for weight in weights])
    parts: dict[Modality, Part] = {}
    modalities: tuple[Modality, ...] = ("face", "speech", "text")
    for modality in modalities:
        those = [(one.parts[modality], w) for one, w in zip(people, weights, strict=True) if modality in one.parts]
        if those:
            parts[modality] = _mean_part([part for part, _ in those], [w for _, w in those], whole)
    return reading_of(mean, now, count, parts)


def _mean_part(parts: Sequence[Part], weights: Sequence[float], whole: float) -> Part:
    own = sum(weights) or 1.0
    shares = [weight / own for weight in weights]
    known = [part.rest_known for part in parts if part.rest_known is not None]
    return Part(
        _mean([part.probabilities for part in parts], shares),
        min(part.age for part in parts),
        sum(part.quality * share for part, share in zip(parts, shares, strict=True)),
        sum(part.weight * weight / whole for part, weight in zip(parts, weights, strict=True)),
        all(known) if known else None,
    )


def _mean(rows: Sequence[Probabilities], weights: Sequence[float]) -> Probabilities:
    return tuple(sum(w * row[i] for row, w in zip(rows, weights, strict=True)) for i in range(len(rows[0])))


def beside(parts: dict[Modality, Part], modality: Modality, room: Part) -> dict[Modality, Part]:
    """With the room's voice or words beside the people's parts; the shares sum to one."""
    whole = sum(part.weight for part in parts.values()) + room.weight
    together: dict[Modality, Part] = {**parts, modality: room}
    return {
        modality: Part(part.probabilities, part.age, part.quality, part.weight / whole, part.rest_known)
        for modality, part in together.items()
    }
