"""Ways to make one distribution of two, to be compared on the same pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.fusion import FLOOR
from models.fusion.pairs import Pairs

Reals = NDArray[np.float64]


def log_pool(pairs: Pairs, face: float, speech: float) -> Reals:
    """What edge.fusion.pool does, for all rows at once."""
    logs = face * np.log(np.maximum(pairs.face, FLOOR)) + speech * np.log(np.maximum(pairs.speech, FLOOR))
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def average(pairs: Pairs) -> Reals:
    """The plain mean."""
    return np.asarray((pairs.face + pairs.speech) / 2)


def loss(truth: NDArray[np.int64], p: Reals) -> float:
    """Mean of -log p(truth)."""
    return float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean())


def best_weights(pairs: Pairs) -> tuple[float, float]:
    """The exponents with the smallest loss, on a grid of twentieths."""
    grid = [(f / 20, s / 20) for f in range(41) for s in range(41) if f + s]
    return min(grid, key=lambda weights: loss(pairs.truth, log_pool(pairs, *weights)))
