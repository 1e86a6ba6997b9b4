"""Making confidence mean what it says: one temperature for all logits, fitted on validation data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.common.metrics import Indices, Reals


def softmax(logits: Reals, temperature: float = 1.0) -> NDArray[np.float64]:
    """Rows of logits to rows of probabilities."""
    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def negative_log_likelihood(truth: Indices, logits: Reals, temperature: float) -> float:
    """The mean of -log p(truth)."""
    chosen = softmax(logits, temperature)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit_temperature(truth: Indices, logits: Reals, lowest: float = 0.05, highest: float = 20.0) -> float:
    """The temperature with the smallest negative log-likelihood, by golden-section search on its logarithm."""
    ratio = (np.sqrt(5.0) - 1) / 2
    low, high = np.log(lowest), np.log(highest)
    while high - low > 1e-4:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        left_loss, right_loss = (negative_log_likelihood(truth, logits, float(np.exp(at))) for at in (left, right))
        if left_loss < right_loss:
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def fit_offsets(truth: Indices, evidence: Reals, start: Reals, held: float = 0.02) -> NDArray[np.float64]:
    """What added to the evidence makes the truth likeliest, `held` near `start` where few cases speak."""
    offsets, one_hot = np.array(start, np.float64), np.eye(len(start))[truth]
    for _ in range(400):
        away = (one_hot - softmax(evidence + offsets)).mean(axis=0) - held * (offsets - start)
        offsets += 2.0 * away  # the curvature is at most a half
    return offsets
