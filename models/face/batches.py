"""The stream of augmented, standardised batches; the same seed and epoch give the same batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.face.crop import prepare
from models.face.augment import augment

Floats = NDArray[np.float32]

# 0 leaves classes as common as they are, 1 makes all equally common.
_BALANCE = 0.4


def chances(targets: Floats) -> NDArray[np.float64]:
    """How often each face is drawn: faces of rare classes more often, so that they are learned at all."""
    common = np.maximum(targets.mean(axis=0), 1e-6)
    wanted = (targets / common**_BALANCE).sum(axis=1).astype(np.float64)
    return np.asarray(wanted / wanted.sum())


def draw(chance: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """One epoch of indices: each face floor or ceil of its expected number of times, shuffled."""
    items = len(chance)
    at = (np.arange(items) + random.random()) / items
    return random.permutation(np.minimum(np.searchsorted(np.cumsum(chance), at), items - 1))


def batches(
    images: NDArray[np.uint8], targets: Floats, weights: Floats, *, size: int, seed: int, epoch: int
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Images, targets and weights of one epoch; a last short batch is left out."""
    random = np.random.default_rng((seed, epoch))
    order = draw(chances(targets), random)
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        pictures = np.concatenate([prepare(augment(images[i], random)) for i in chosen])
        yield pictures, targets[chosen], weights[chosen]


def drawn_prior(targets: Floats) -> Floats:
    """How common each class is among what is drawn."""
    return np.asarray(chances(targets) @ targets, np.float32)
