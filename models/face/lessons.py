"""What the networks learn from: varied faces, their labels and, for the student, what the teacher says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from models.face.augment import Augment, again, no_faces
from models.face.material import FER, NAMES, Learned, draw
from models.face.nets import standardised
from models.face.shape import SIDE

Floats = NDArray[np.float32]
BATCH = 64
_NO_FACES = 4  # of a batch of the student: of these it is to say nothing
# The teachers' share in a target, in the beginning. Ten people have voted on each face of FER2013, one has named each
# of the others. Towards the end, when the student knows as much, it falls to less than half.
_TRUST = np.array([0.4 if name == FER else 0.6 for name in NAMES], np.float32)
_LESS = np.float32(0.6)


@dataclass(frozen=True)
class Batch:
    """What one step learns from."""

    pictures: Any  # items x 1 x side x side, standardised
    wanted: Any
    weight: Any
    prior: Any  # what is added to the logits while learning


def varied(learned: Learned, *seed: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """One epoch of varied faces with their numbers, batch by batch; the same for the same seed."""
    order = draw(learned.turns, np.random.default_rng(seed))
    augment = Augment(*seed)
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        yield augment(learned.kept[chosen], learned.outside_of(chosen)), chosen


def steps(learned: Learned) -> int:
    """Batches in an epoch."""
    return round(float(learned.turns.sum())) // BATCH


def labelled(learned: Learned, *seed: int) -> Iterator[Batch]:
    """For the teacher: faces and their labels."""
    priors = learned.priors
    for faces, chosen in varied(learned, *seed):
        pictures = standardised(torch.from_numpy(faces)[:, None].float())
        yield _batch(learned, chosen, pictures, learned.wanted[chosen], priors)


@dataclass(frozen=True)
class Lesson:
    """An epoch of varied faces and the evidence that its teachers give for each."""

    faces: NDArray[np.uint8]
    chosen: NDArray[np.int64]
    said: Floats


Ask = Callable[[NDArray[np.uint8], NDArray[np.int64]], Floats]  # grey faces and the numbers of their sets to logits


def lesson(learned: Learned, ask: Ask, kept: Path, *seed: int) -> Lesson:
    """Asked of those who teach once, then read from the file `kept`."""
    if not kept.is_file():
        parts = []
        for faces, chosen in tqdm(varied(learned, *seed), kept.stem, steps(learned), mininterval=10):
            parts.append((faces, chosen, ask(faces, learned.set[chosen])))
        faces, chosen, said = (np.concatenate(part) for part in zip(*parts, strict=True))
        fresh = kept.with_suffix(".new.npz")
        np.savez(fresh, faces=faces, chosen=chosen, said=said)
        fresh.replace(kept)
    with np.load(kept) as found:
        return Lesson(found["faces"], found["chosen"], found["said"])


def taught(learned: Learned, given: Lesson, done: float, *seed: int) -> Iterator[Batch]:
    """For the student: the faces of a lesson in another order, each varied a little more; some made to be none.

    `done` is the share of the training that is over.
    """
    priors = learned.priors
    random = torch.Generator().manual_seed(int(np.random.default_rng(seed).integers(2**62)))
    order = torch.randperm(len(given.faces), generator=random).numpy()
    for start in range(0, len(order) - BATCH + 1, BATCH):
        part = order[start : start + BATCH]
        chosen = given.chosen[part]
        pictures = again(torch.from_numpy(given.faces[part])[:, None].float(), SIDE, random)
        of_set = learned.set[chosen]
        wanted = mixed(learned.wanted[chosen], given.said[part] + priors[of_set], (1 - _LESS * done) * _TRUST[of_set])
        pictures[:_NO_FACES] = no_faces(pictures[:_NO_FACES], random)
        batch = _batch(learned, chosen, standardised(pictures), wanted, priors)
        batch.wanted[:_NO_FACES] = 1 / wanted.shape[1]
        batch.prior[:_NO_FACES] = 0
        yield batch


def mixed(labels: Floats, said: Floats, trust: Floats) -> Floats:
    """The labels with the teacher's share: what it says, with the prior of the set that a face comes from."""
    powers = np.exp(said - said.max(axis=1, keepdims=True))
    answers = powers / powers.sum(axis=1, keepdims=True)
    return np.asarray((1 - trust[:, None]) * labels + trust[:, None] * answers, np.float32)


def _batch(learned: Learned, chosen: NDArray[np.int64], pictures: Any, wanted: Floats, priors: Floats) -> Batch:
    rest = (wanted, learned.weight[chosen], priors[learned.set[chosen]])
    return Batch(pictures, *(torch.from_numpy(np.ascontiguousarray(values)) for values in rest))
