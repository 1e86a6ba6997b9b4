"""One dial from "only when it is clear" to "every hint": how much it takes to leave neutral. A pure function."""

from __future__ import annotations

from functools import cache

from edge.config import schema
from edge.emotion.evidence import Evidence
from edge.readings import LABELS

_NATS = 4.0  # of neutral's prior, from one end of the dial to the other
_MIDDLE = 0.5  # where all labels are held to be equally likely


def prior_of(settings: schema.DecisionConfig) -> Evidence:
    """What is held to be likely before anything is seen or heard."""
    return _prior(settings.expressiveness)


@cache
def _prior(expressiveness: float) -> Evidence:
    neutral = _NATS * (_MIDDLE - expressiveness)
    return tuple(neutral if label == "neutral" else 0.0 for label in LABELS)
