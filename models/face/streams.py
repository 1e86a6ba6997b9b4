"""The resting face as the service learns it: from a minute of somebody's pictures, most of them neutral or not."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.config.schema import Config
from edge.emotion import rest
from edge.emotion.evidence import NEUTRAL, Evidence, centred
from edge.emotion.fusion import FusionWeights, beyond_rest, learned_weights
from edge.inference import Floats

SHARES = (0.8, 0.3)  # of the time of a stream in which the face is neutral
_SECONDS, _SHOWN_S, _STEP_S = 60.0, 2.0, 0.5


def as_learned(truth: NDArray[np.int64], who: NDArray[np.str_], evidence: Floats) -> dict[str, NDArray[np.int64]]:
    """What the service would say of each picture: of a stranger's, and after a stream of the person's other ones."""
    learned, share = learned_weights(), Config().face.rest_share
    said = [centred([float(value) for value in row]) for row in evidence]
    stranger = rest.begin(learned.rest)
    found = {"stranger": np.array([_said(stranger, one, learned, share) for one in said])}
    for neutral in SHARES:
        draw, answers = np.random.default_rng(0), []
        for number, one in enumerate(said):
            others = np.flatnonzero((who == who[number]) & (np.arange(len(said)) != number))
            calm = [said[other] for other in others if truth[other] == NEUTRAL]
            felt = [said[other] for other in others if truth[other] != NEUTRAL]
            watched = _watched(stranger, calm, felt, neutral, draw, share=share, lead=learned.rest_neutral)
            answers.append(_said(watched, one, learned, share))
        found[f"{neutral:g}"] = np.array(answers)
    return found


def _watched(
    known: rest.Rest,
    calm: list[Evidence],
    felt: list[Evidence],
    neutral: float,
    draw: Generator,
    *,
    share: float,
    lead: float,
) -> rest.Rest:
    """After a minute of pictures, each for two seconds."""
    for start in np.arange(0.0, _SECONDS, _SHOWN_S):
        some = calm if draw.random() < neutral else felt
        some = some or calm or felt
        if not some:
            return known
        shown = some[int(draw.integers(len(some)))]
        for now in np.arange(start, start + _SHOWN_S, _STEP_S):
            known = rest.observe(known, shown, 1.0, float(now), share=share, neutral=lead)
    return known


def _said(known: rest.Rest, evidence: Evidence, learned: FusionWeights, share: float) -> int:
    return int(np.argmax(beyond_rest(known.without(evidence, share), learned)))
