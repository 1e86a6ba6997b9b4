"""Evidence: the logarithm of what a model says, up to a constant, so that contributions add up. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from edge.readings import LABELS, Probabilities

Evidence = tuple[float, ...]  # one per label, in the order of LABELS, summing to zero

NEUTRAL = LABELS.index("neutral")
NONE: Evidence = (0.0,) * len(LABELS)
FLOOR = 1e-4  # no model is so sure that it may veto the rest


def evidence_of(probabilities: Probabilities) -> Evidence:
    """What a distribution says, without its constant."""
    return centred([math.log(max(p, FLOOR)) for p in probabilities])


def centred(values: Sequence[float]) -> Evidence:
    """The same with a mean of zero."""
    mean = math.fsum(values) / len(values)
    return tuple(value - mean for value in values)


def distribution(evidence: Sequence[float]) -> Probabilities:
    """The distribution that this evidence makes of a uniform prior."""
    top = max(evidence)
    powers = [math.exp(value - top) for value in evidence]
    total = sum(powers)
    return tuple(power / total for power in powers)


def total(parts: Sequence[tuple[Evidence, float]]) -> Evidence:
    """The sum of some evidence, each part times its weight."""
    return tuple(math.fsum(weight * part[i] for part, weight in parts) for i in range(len(LABELS)))


def offsets(prior: Mapping[str, float]) -> Evidence:
    """Nats that somebody adds to some labels, as evidence."""
    return tuple(prior.get(label, 0.0) for label in LABELS)


def lead(evidence: Sequence[float]) -> float:
    """By how much the strongest feeling exceeds neutral; below zero while neutral leads."""
    return max(value for i, value in enumerate(evidence) if i != NEUTRAL) - evidence[NEUTRAL]
