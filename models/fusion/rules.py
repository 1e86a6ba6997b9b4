"""Ways to make one distribution of two, to be compared on the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.optimize import minimize

from edge.emotion.fusion import FLOOR, FusionWeights
from edge.readings import LABELS
from models.common.calibration import softmax
from models.fusion.pairs import Pairs, Reals

PLAIN = FusionWeights(name="fusion", version="3", face=1.0, speech=1.0, face_power=0.0, speech_power=0.0)
_TRUST_COST = 0.02  # of labels weighing unlike each other: rare ones would be overfitted
_STACK_COST = 1e-3
_FEATURES_COST = 3e-2


def log_pool(pairs: Pairs, weights: FusionWeights) -> Reals:
    """What edge.emotion.fusion does with fresh readings, for all rows at once."""
    face = weights.face * pairs.face_quality**weights.face_power
    speech = weights.speech * pairs.speech_quality**weights.speech_power
    face, speech = face * (pairs.face_quality > 0), speech * (pairs.speech_quality > 0)
    both = ((face > 0) & (speech > 0))[:, None]
    face_trust, speech_trust = (
        np.where(both, np.array(trust), 1.0) for trust in (weights.face_trust, weights.speech_trust)
    )
    logs = face[:, None] * face_trust * _logs(pairs.face) + speech[:, None] * speech_trust * _logs(pairs.speech)
    return softmax(logs)


def average(pairs: Pairs) -> Reals:
    """The plain mean."""
    return np.asarray((pairs.face + pairs.speech) / 2)


def loss(truth: NDArray[np.int64], p: Reals) -> float:
    """Mean of -log p(truth)."""
    return float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean())


def fitted(sets: Sequence[Pairs], *, power: bool, trust: bool) -> FusionWeights:
    """The weights with the smallest loss, averaged over sets of pairs; what is not asked for stays plain."""
    labels = len(LABELS)

    def weights(values: NDArray[np.float64]) -> FusionWeights:
        face, speech, face_power, speech_power = np.abs(values[:4]).tolist()
        found = replace(PLAIN, face=face, speech=speech)
        if power:
            found = replace(found, face_power=face_power, speech_power=speech_power)
        if trust:
            found = replace(
                found, face_trust=_around_one(values[4 : 4 + labels]), speech_trust=_around_one(values[4 + labels :])
            )
        return found

    def cost(values: NDArray[np.float64]) -> float:
        found = weights(values)
        return float(np.mean([loss(one.truth, log_pool(one, found)) for one in sets])) + _TRUST_COST * float(
            np.mean(values[4:] ** 2)
        )

    start = np.concatenate(([1.0, 1.0, 0.5, 0.5], np.zeros(2 * labels)))
    return rounded(weights(minimize(cost, start, method="L-BFGS-B", options={"maxiter": 60}).x))


def _around_one(logs: NDArray[np.float64]) -> tuple[float, ...]:
    powers = np.exp(np.clip(logs, -2, 2))
    return tuple((powers / powers.mean()).tolist())


def rounded(weights: FusionWeights) -> FusionWeights:
    """Three decimals are more than the data knows."""
    return replace(
        weights,
        face=round(weights.face, 3),
        speech=round(weights.speech, 3),
        face_power=round(weights.face_power, 3),
        speech_power=round(weights.speech_power, 3),
        face_trust=tuple(round(one, 3) for one in weights.face_trust),
        speech_trust=tuple(round(one, 3) for one in weights.speech_trust),
    )


@dataclass(frozen=True)
class Linear:
    """Multinomial logistic regression on standardised columns."""

    mean: Reals
    deviation: Reals
    kernel: Reals

    def __call__(self, columns: Reals) -> Reals:
        return np.asarray(softmax(_with_one((columns - self.mean) / self.deviation) @ self.kernel))


def regression(columns: Reals, truth: NDArray[np.int64], cost: float) -> Linear:
    """`cost` is that of squared coefficients."""
    mean, deviation = columns.mean(axis=0), columns.std(axis=0) + 1e-6
    x, classes = _with_one((columns - mean) / deviation), len(LABELS)
    one_hot = np.eye(classes)[truth]

    def value(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        kernel = flat.reshape(-1, classes)
        p = softmax(x @ kernel)
        slope = x.T @ (p - one_hot) / len(x) + 2 * cost * kernel
        return loss(truth, p) + cost * float((kernel**2).sum()), slope.ravel()

    found = minimize(value, np.zeros(x.shape[1] * classes), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return Linear(mean, deviation, found.x.reshape(-1, classes))


def stack_columns(pairs: Pairs) -> Reals:
    """What a learned stacker sees: both answers, plain and weighed by quality, and the qualities."""
    face, speech = _logs(pairs.face), _logs(pairs.speech)
    seen, heard = pairs.face_quality[:, None], pairs.speech_quality[:, None]
    return np.concatenate((face, speech, seen * face, heard * speech, seen, heard), axis=1)


def stacker(pairs: Pairs) -> Linear:
    """Learned on pairs of all conditions."""
    return regression(stack_columns(pairs), pairs.truth, _STACK_COST)


def feature_fusion(columns: Reals, truth: NDArray[np.int64]) -> Linear:
    """On what lies beneath the answers."""
    return regression(columns, truth, _FEATURES_COST)


def _logs(p: Reals) -> Reals:
    return np.asarray(np.log(np.maximum(p, FLOOR)))


def _with_one(columns: Reals) -> Reals:
    return np.concatenate((columns, np.ones((len(columns), 1))), axis=1)
