"""Finding the weights of the late fusion: what the service computes, for many moments at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from edge.emotion.fusion import FusionWeights
from edge.readings import LABELS
from models.common.calibration import softmax
from models.fusion.moments import Moments, Reals

_LABELS = len(LABELS)
_OFFSETS = 6  # where the offsets begin among the values that are sought, and those of the voice
_SPEECH = _OFFSETS + _LABELS - 2
_MOST_APART = 0.95  # a feeling may always show in face and voice
# Of offsets: with few people some labels would be overfitted, and of the voice's far more, which the model's own recipe
# has balanced over thousands of clips.
_FACE_OFFSET_COST, _SPEECH_OFFSET_COST = 0.02, 0.6
_LEAST_POWER = 0.7  # of quality: a face that is hardly seen says hardly anything, whatever the few poor scenes gain
_WORST = 4.0  # how much more than the mean over conditions the worst of them counts


@dataclass(frozen=True)
class Condition:
    """Moments of one kind, each label counting as much as another."""

    moments: Moments
    weight: Reals

    @classmethod
    def of(cls, moments: Moments) -> Condition:
        counts = np.bincount(moments.truth, minlength=_LABELS)
        weight = 1.0 / counts[moments.truth]
        return cls(moments, weight / weight.sum())


def posterior(moments: Moments, weights: FusionWeights) -> Reals:
    """What edge.emotion.fusion makes of the moments under a uniform prior."""
    return softmax(evidence(moments, weights))


def evidence(moments: Moments, weights: FusionWeights) -> Reals:
    """The logarithm of the same, up to a constant."""
    face = weights.face * moments.face_share * _powered(moments.face_quality, weights.face_power)
    speech = weights.speech * moments.speech_share * _powered(moments.speech_quality, weights.speech_power)
    seen = moments.face + np.array(weights.face_offsets)
    seen[:, 0] += weights.rest_neutral
    heard = moments.speech + np.array(weights.speech_offsets)
    seen, heard = (side - side[:, :1] for side in (face[:, None] * seen, speech[:, None] * heard))
    everything = np.maximum(face + speech, 1e-9)
    apart = weights.apart * (moments.own & (face > 0) & (speech > 0))
    with np.errstate(divide="ignore"):  # nothing of a share is minus infinity
        shares = np.log(np.array([1 - apart, apart * face / everything, apart * speech / everything]))
    whole = np.asarray(logsumexp(np.array([seen + heard, seen, heard]) + shares[:, :, None], axis=0))
    whole[:, 0] = 0.0
    return whole


def loss(condition: Condition, p: Reals) -> float:
    """Mean of -log p(truth), every label alike."""
    found = p[np.arange(len(p)), condition.moments.truth]
    return float(-(condition.weight * np.log(np.maximum(found, 1e-9))).sum())


def recall(condition: Condition, p: Reals) -> float:
    """Macro recall."""
    return float((condition.weight * (p.argmax(axis=1) == condition.moments.truth)).sum())


def fitted(conditions: Mapping[str, Condition], start: FusionWeights) -> FusionWeights:
    """The weights whose worst condition is best."""

    def weights(values: NDArray[np.float64]) -> FusionWeights:
        face, speech, face_power, speech_power, neutral, apart = values[:_OFFSETS].tolist()
        return replace(
            start,
            face=float(np.exp(face)), speech=float(np.exp(speech)),
            face_power=abs(face_power), speech_power=abs(speech_power), rest_neutral=neutral, apart=apart,
            face_offsets=_feelings(values[_OFFSETS:_SPEECH]), speech_offsets=_all(values[_SPEECH:]),
        )  # fmt: skip

    def cost(values: NDArray[np.float64]) -> float:
        found = weights(values)
        losses = np.array([loss(one, posterior(one.moments, found)) for one in conditions.values()])
        worst = float(np.log(np.exp(_WORST * losses).mean()) / _WORST)
        squares = values**2
        offsets = _FACE_OFFSET_COST * squares[_OFFSETS:_SPEECH].sum() + _SPEECH_OFFSET_COST * squares[_SPEECH:].sum()
        return worst + float(offsets) / (len(values) - _OFFSETS) + 1e-3 * float(squares[2:4].sum())

    begin = np.concatenate(([0.0, 0.0, 0.5, 0.5, 1.0, 0.3], np.zeros(2 * _LABELS - 3)))
    found = minimize(cost, begin, method="L-BFGS-B", bounds=_bounds(len(begin)), options={"maxiter": 80})
    return rounded(weights(found.x))


def rounded(weights: FusionWeights) -> FusionWeights:
    """Three decimals are more than the data knows."""
    numbers = {
        name: round(getattr(weights, name), 3)
        for name in ("face", "speech", "face_power", "speech_power", "rest_neutral", "apart")
    }
    rows = {
        name: tuple(round(one, 3) for one in getattr(weights, name))
        for name in ("face_offsets", "speech_offsets", "rest")
    }
    return replace(weights, **numbers, **rows)


def _bounds(count: int) -> list[tuple[float, float]]:
    return [
        (-3.0, 1.5),
        (-3.0, 1.5),
        (_LEAST_POWER, 3.0),
        (_LEAST_POWER, 3.0),
        (-2.0, 6.0),
        (0.0, _MOST_APART),
        *[(-3.0, 3.0)] * (count - _OFFSETS),
    ]


def _feelings(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Offsets of all labels but neutral, which has its own number; the last is what the others leave."""
    return (0.0, *values.tolist(), -float(values.sum()))


def _all(values: NDArray[np.float64]) -> tuple[float, ...]:
    return (*values.tolist(), -float(values.sum()))


def _powered(quality: Reals, power: float) -> Reals:
    return np.where(quality > 0, np.maximum(quality, 1e-6) ** power, 0.0)
