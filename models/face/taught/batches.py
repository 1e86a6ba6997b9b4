"""The batches of `models.face.batches` for two heads, the channel first, some of them mixed from pairs of faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.face.crop import prepare
from models.face.augment import augment
from models.face.batches import draw

Floats = NDArray[np.float32]

_MIXING = 0.4  # both parameters of the beta distribution of the share of the first of two faces


@dataclass(frozen=True)
class Batch:
    """What one step learns from; targets and weights for each head."""

    pictures: Floats  # items x 1 x side x side
    targets: Mapping[str, Floats]
    weights: Mapping[str, Floats]


def batches(
    images: NDArray[np.uint8],
    targets: Mapping[str, Floats],
    weights: Mapping[str, Floats],
    chance: NDArray[np.float64],
    *,
    size: int,
    seed: int,
    epoch: int,
    mixed: float,
) -> Iterator[Batch]:
    """One epoch; a last short batch is left out.

    The share `mixed` of all batches is of faces laid over each other, with their targets mixed alike.
    """
    random = np.random.default_rng((seed, epoch))
    order = draw(chance, random)
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        pictures = standardised(np.stack([augment(images[i], random) for i in chosen]))
        said = {head: values[chosen] for head, values in targets.items()}
        counts = {head: values[chosen] for head, values in weights.items()}
        if random.random() < mixed:
            share = np.float32(max(mixed := random.beta(_MIXING, _MIXING), 1 - mixed))
            pictures = _mix(pictures, share)
            said = {head: _mix(values, share) for head, values in said.items()}
            counts = {head: _mix(values, share) for head, values in counts.items()}
        yield Batch(pictures, said, counts)


def standardised(faces: NDArray[np.uint8]) -> Floats:
    """Faces as the networks that learn take them: `prepare`, with the channel first."""
    return np.asarray([prepare(face)[:, :, :, 0] for face in faces], np.float32)


def _mix(values: Floats, share: np.float32) -> Floats:
    """Each item with its neighbour (the order is random already)."""
    return np.asarray(share * values + (1 - share) * np.roll(values, 1, axis=0), np.float32)
