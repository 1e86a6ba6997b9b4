"""A linear support vector machine, one class against all others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from edge.inference import Floats
from models.papers.fit import Classes, Outcome, standardised
from models.papers.splits import Rows


def machine(values: Floats, truth: Classes, split: tuple[Rows, Rows], classes: int) -> Outcome:
    """Learn on one side, judge on the other."""
    learn, held = split
    ready = standardised(values, learn).astype(np.float64)
    weights = _weights(ready[learn], truth[learn], classes)
    guess = (np.column_stack((ready[held], np.ones(len(held)))) @ weights).argmax(axis=1)
    return Outcome(truth[held], guess, classes)


def _weights(values: NDArray[np.floating[Any]], truth: Classes, classes: int) -> NDArray[np.float64]:
    """Squared hinge loss; (features + 1, classes)."""
    inputs: NDArray[np.float64] = np.column_stack((values, np.ones(len(values)))).astype(np.float64)
    signs = np.where(np.eye(classes)[truth] > 0, 1.0, -1.0)

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights: NDArray[np.float64] = flat.reshape(inputs.shape[1], classes)
        slack = np.maximum(0, 1 - signs * (inputs @ weights))
        slope = -2.0 * inputs.T @ (signs * slack) / len(inputs) + 2e-3 * weights
        return float((slack**2).sum() / len(inputs) + 1e-3 * (weights**2).sum()), slope.ravel()

    start = np.zeros(inputs.shape[1] * classes)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return np.asarray(found.x).reshape(-1, classes)
