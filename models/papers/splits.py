"""How a paper splits, and how it has to be split to say anything of people who were not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def at_random(count: int, seed: int = 0, share: float = 0.2) -> tuple[Rows, Rows]:
    """80/20 over the recordings: everybody is on both sides."""
    order = np.random.default_rng(seed).permutation(count)
    held = round(share * count)
    return np.sort(order[held:]), np.sort(order[:held])


def without(groups: Sequence[str], held: set[str]) -> tuple[Rows, Rows]:
    """Learn from all groups but those held out."""
    aside = np.array([group in held for group in groups])
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def some(groups: Sequence[str], seed: int = 0, share: float = 0.2) -> set[str]:
    """A share of the groups, for holding out."""
    names = sorted(set(groups))
    return set(np.random.default_rng(seed).permutation(names)[: max(1, round(share * len(names)))].tolist())
