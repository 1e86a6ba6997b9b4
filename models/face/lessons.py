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
_NO_FACES = 1 / 16  # of a batch of the student: of these it is to say nothing
# The teachers' share in a target is less for FER2013, where ten people voted on each face instead of one naming it.
_VOTED = np.array([0.2 if name == FER else 0.0 for name in NAMES], np.float32)


@dataclass(frozen=True)
class Batch:
    """What one step learns from."""

    pictures: Any  # items x 1 x side x side, standardised
    wanted: Any
    weight: Any
    prior: Any  # what is added to the logits while learning


@dataclass(frozen=True)
class Pace:
    """How many faces a step takes, and where it is computed."""

    batch: int = 64
    device: str = "cpu"

    def steps(self, learned: Learned) -> int:
        """Batches in an epoch."""
        return round(float(learned.turns.sum())) // self.batch


def varied(learned: Learned, pace: Pace, *seed: int) -> Iterator[tuple[Any, NDArray[np.int64]]]:
    """One epoch of varied faces with their numbers, batch by batch; the same for the same seed."""
    order = draw(learned.turns, np.random.default_rng(seed))
    augment = Augment(*seed, device=pace.device)
    for start in range(0, len(order) - pace.batch + 1, pace.batch):
        chosen = order[start : start + pace.batch]
        yield augment(learned.kept[chosen], learned.outside_of(chosen)), chosen


def labelled(learned: Learned, pace: Pace, *seed: int) -> Iterator[Batch]:
    """For a teacher: faces and their labels."""
    priors = learned.priors
    for faces, chosen in varied(learned, pace, *seed):
        yield _batch(learned, chosen, standardised(faces.float()), learned.wanted[chosen], priors)


@dataclass(frozen=True)
class Lesson:
    """An epoch of varied faces and the evidence that its teachers give for each."""

    faces: NDArray[np.uint8]  # items x 1 x side x side
    chosen: NDArray[np.int64]
    said: Floats


Ask = Callable[[Any, NDArray[np.int64], NDArray[np.int64]], Floats]
"""Faces (items x 1 x side x side), the numbers of their sets and their own (below 0: nobody has learned from it)."""


def lesson(learned: Learned, ask: Ask, kept: Path, pace: Pace, *seed: int) -> Lesson:
    """Asked of those who teach once, then read from the file `kept`."""
    if not kept.is_file():
        parts = []
        bar = tqdm(varied(learned, pace, *seed), kept.stem, pace.steps(learned), mininterval=10)
        for faces, chosen in bar:
            parts.append((faces.cpu().numpy(), chosen, ask(faces, learned.set[chosen], chosen)))
        faces, chosen, said = (np.concatenate(part) for part in zip(*parts, strict=True))
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(".new.npz")
        np.savez(fresh, faces=faces, chosen=chosen, said=said)
        fresh.replace(kept)
    with np.load(kept) as found:
        return Lesson(found["faces"], found["chosen"], found["said"])


def taught(learned: Learned, given: Lesson, pace: Pace, trust: float, *seed: int) -> Iterator[Batch]:
    """For the student: the faces of a lesson in another order, each varied a little more; some made to be none.

    `trust` is the teachers' share in what is to be answered; the labels have the rest.
    """
    priors = learned.priors
    draw = np.random.default_rng(seed)
    random = torch.Generator(pace.device).manual_seed(int(draw.integers(2**62)))
    order, none = draw.permutation(len(given.faces)), round(_NO_FACES * pace.batch)
    for start in range(0, len(order) - pace.batch + 1, pace.batch):
        part = order[start : start + pace.batch]
        chosen = given.chosen[part]
        pictures = again(torch.from_numpy(given.faces[part]).to(pace.device).float(), SIDE, random)
        of_set = learned.set[chosen]
        wanted = mixed(learned.wanted[chosen], given.said[part] + priors[of_set], trust - _VOTED[of_set])
        pictures[:none] = no_faces(pictures[:none], random)
        batch = _batch(learned, chosen, standardised(pictures), wanted, priors)
        batch.wanted[:none] = 1 / wanted.shape[1]
        batch.prior[:none] = 0
        yield batch


def mixed(labels: Floats, said: Floats, trust: Floats) -> Floats:
    """The labels with the teacher's share: what it says, with the prior of the set that a face comes from."""
    powers = np.exp(said - said.max(axis=1, keepdims=True))
    answers = powers / powers.sum(axis=1, keepdims=True)
    return np.asarray((1 - trust[:, None]) * labels + trust[:, None] * answers, np.float32)


def _batch(learned: Learned, chosen: NDArray[np.int64], pictures: Any, wanted: Floats, priors: Floats) -> Batch:
    rest = (wanted, learned.weight[chosen], priors[learned.set[chosen]])
    tensors = (torch.from_numpy(np.ascontiguousarray(values)).to(pictures.device) for values in rest)
    return Batch(pictures, *tensors)
