"""The stream of augmented, standardised batches for both heads; the same seed and epoch give the same batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.face.crop import prepare
from models.face.augment import augment

Floats = NDArray[np.float32]

# 0 leaves classes as common as they are, 1 makes all equally common.
_BALANCE = 0.4


@dataclass(frozen=True)
class Batch:
    """What one step learns from; targets and weights for each head."""

    pictures: Floats  # items x 1 x side x side
    targets: Mapping[str, Floats]
    weights: Mapping[str, Floats]


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
    images: NDArray[np.uint8],
    targets: Mapping[str, Floats],
    weights: Mapping[str, Floats],
    chance: NDArray[np.float64],
    *,
    size: int,
    seed: int,
    epoch: int,
) -> Iterator[Batch]:
    """One epoch; a last short batch is left out."""
    random = np.random.default_rng((seed, epoch))
    order = draw(chance, random)
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield Batch(
            standardised(np.stack([augment(images[i], random) for i in chosen])),
            {head: values[chosen] for head, values in targets.items()},
            {head: values[chosen] for head, values in weights.items()},
        )


def standardised(faces: NDArray[np.uint8]) -> Floats:
    """Faces as the networks that learn take them: `prepare`, with the channel first."""
    return np.asarray([prepare(face)[:, :, :, 0] for face in faces], np.float32)
