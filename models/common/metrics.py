"""Numbers that say how good a classifier is, with intervals that say how far to trust them.

Truth and predictions are integer class indices; probabilities are items x classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.integer[Any]]
Reals = NDArray[np.floating[Any]]


def accuracy(truth: Indices, predicted: Indices) -> float:
    """The fraction that is right."""
    return float(np.mean(truth == predicted))


def confusion(truth: Indices, predicted: Indices, classes: int) -> NDArray[np.int64]:
    """Counts: a row for each true class, a column for each predicted one."""
    counts = np.bincount(np.asarray(truth, np.int64) * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def recalls(truth: Indices, predicted: Indices, classes: int) -> NDArray[np.float64]:
    """Per true class the fraction found; NaN for a class that does not occur."""
    counts = confusion(truth, predicted, classes)
    found, present = np.diag(counts).astype(np.float64), counts.sum(axis=1)
    return np.divide(found, present, out=np.full(classes, np.nan), where=present > 0)


def macro_recall(truth: Indices, predicted: Indices, classes: int, at_least: int = 1) -> float:
    """The mean of the recalls over the classes with `at_least` items; NaN if there is none."""
    enough = np.bincount(truth, minlength=classes) >= at_least
    each = recalls(truth, predicted, classes)[enough]
    return float(each.mean()) if each.size else float("nan")


def calibration_bins(truth: Indices, probabilities: Reals, bins: int = 15) -> NDArray[np.float64]:
    """Bins of equal width over the confidence: for each a row (items, mean confidence, accuracy)."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    items = np.bincount(which, minlength=bins).astype(np.float64)
    divisor = np.maximum(items, 1.0)
    return np.stack(
        [
            items,
            np.bincount(which, weights=confidence, minlength=bins) / divisor,
            np.bincount(which, weights=right, minlength=bins) / divisor,
        ],
        axis=1,
    )


def expected_calibration_error(truth: Indices, probabilities: Reals, bins: int = 15) -> float:
    """How far confidence and accuracy lie apart, averaged over the items."""
    items, confidence, right = calibration_bins(truth, probabilities, bins).T
    return float((items * np.abs(confidence - right)).sum() / items.sum())


def balanced(groups: Indices, each: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Indices of a sample in which every group is as common as every other, drawn with replacement."""
    generator = np.random.default_rng(seed)
    return np.concatenate([generator.choice(np.flatnonzero(groups == group), each) for group in np.unique(groups)])


def bootstrap(
    measure: Callable[[NDArray[np.int64]], float],
    items: int,
    rounds: int = 1000,
    seed: int = 0,
    groups: Indices | None = None,
) -> tuple[float, float]:
    """The 95 % interval of `measure(indices)` over resampled items.

    `groups` (one number per item, e.g. the speaker) are drawn as wholes when given, since items of
    one person are not independent.
    """
    generator = np.random.default_rng(seed)
    if groups is None:
        draws = (generator.integers(0, items, items) for _ in range(rounds))
    else:
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        draws = (
            np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])
            for _ in range(rounds)
        )
    values = np.array([measure(draw) for draw in draws])
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def roc_area(positive: NDArray[np.bool_], scores: Reals) -> float:
    """The area under the ROC curve: how often a positive item scores above a negative one, ties counting half."""
    order = np.sort(scores)
    below = np.searchsorted(order, scores, side="left")
    not_above = np.searchsorted(order, scores, side="right")
    ranks = (below + not_above + 1) / 2
    yes = int(positive.sum())
    no = len(scores) - yes
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))
