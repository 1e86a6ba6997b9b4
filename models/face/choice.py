"""What is chosen on the validation part: how much of the natural prior to put back; and how choices are judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from models.common.calibration import fit_temperature, negative_log_likelihood
from models.common.metrics import accuracy, macro_recall

Logits = NDArray[np.float32]
Truth = NDArray[np.int64]
ENOUGH = 10  # faces of a class, for its recall to be counted on the validation part
_SHARES = np.linspace(0, 1, 11)
_AIM = 0.9  # accuracy
_REPEATS = 50


def loss(truth: Truth, logits: Logits) -> float:
    """The mean of -log p(truth) at the best temperature."""
    return negative_log_likelihood(truth, logits, fit_temperature(truth, logits))


def choose_share(truth: Truth, logits: Logits, natural: Logits) -> float:
    """How much of the natural prior to put back, to a tenth: the least with which accuracy reaches its aim.

    Less of it finds more of what is rare, and more faces are judged wrong. Where the aim is out of reach, the best mean
    of accuracy and macro recall counts.
    """
    results = [reached(truth, np.asarray(logits + share * natural)) for share in _SHARES]
    enough = [share for share, (right, _) in zip(_SHARES, results, strict=True) if right >= _AIM]
    best = enough[0] if enough else _SHARES[int(np.argmax([sum(result) for result in results]))]
    return round(float(best), 1)


def reached(truth: Truth, logits: Logits) -> tuple[float, float]:
    """Accuracy and macro recall."""
    said = logits.argmax(axis=1)
    return accuracy(truth, said), macro_recall(truth, said, len(LABELS), ENOUGH)


def reached_by_others(truth: Truth, logits: Logits, natural: Logits) -> tuple[float, float]:
    """Accuracy and macro recall when each half of the faces chooses the share for the other, again and again."""
    results = []
    for half in _halves(truth):
        said = logits[~half] + choose_share(truth[half], logits[half], natural) * natural
        results.append(reached(truth[~half], np.asarray(said)))
    first, second = np.mean(results, axis=0)
    return float(first), float(second)


def _halves(truth: Truth) -> list[NDArray[np.bool_]]:
    """Random halves with about half of every class, and the other halves of them."""
    random = np.random.default_rng(0)
    halves = []
    for _ in range(_REPEATS):
        half = np.zeros(len(truth), bool)
        half[np.lexsort((random.random(len(truth)), truth))[::2]] = True
        halves += [half, ~half]
    return halves
