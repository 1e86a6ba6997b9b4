"""Statistics of the model's states over a segment: sums that grow, in double precision, so nothing drifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats

SMALLEST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Sums:
    """Of the states so far: their weights, and weighted first and second powers."""

    weight: float
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def nothing(cls, units: int) -> Sums:
        return cls(0.0, np.zeros(units), np.zeros(units))

    def with_states(self, states: Floats, weights: Floats) -> Sums:
        """After more states (steps, units) of these weights (steps, 1)."""
        weighted = weights.astype(np.float64) * states
        return Sums(
            self.weight + float(weights.sum()),
            self.first + weighted.sum(axis=0),
            self.second + (weighted * states).sum(axis=0),
        )

    def __add__(self, other: Sums) -> Sums:
        """Two segments as one."""
        return Sums(self.weight + other.weight, self.first + other.first, self.second + other.second)

    def statistics(self) -> Floats:
        """Mean, then deviation: (2 * units,). Not for sums of nothing."""
        mean = self.first / self.weight
        variance = np.maximum(self.second / self.weight - mean**2, 0.0)
        described: Floats = np.concatenate((mean, np.sqrt(variance + SMALLEST_VARIANCE))).astype(np.float32)
        return described
