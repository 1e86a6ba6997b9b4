"""Training pictures without end: composed, lit, standardised like in the service, with their targets."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from edge.face.grid import prepare
from models.finder import compose, light, targets
from models.finder.photos import Floats

_HARD = 0.08  # of the pictures are empty scenes that were once taken for a face
_UNFOCUSED = 0.3  # of the pictures, where asked for


def batches(
    bank: compose.Bank, hard: Sequence[Floats], *, size: int, steps: int, seed: int, epoch: int, unfocused: bool
) -> Iterator[tuple[Floats, targets.Targets]]:
    """The same for the same seed and epoch; made ahead in a process of its own, beside the learning."""
    context = multiprocessing.get_context("fork")
    ready: Any = context.Queue(6)
    how = {"size": size, "steps": steps, "seed": [seed, epoch], "unfocused": unfocused}
    maker = context.Process(target=_make, args=(ready, bank, hard), kwargs=how, daemon=True)
    maker.start()
    try:
        for _ in range(steps):
            yield ready.get()
    finally:
        maker.terminate()
        maker.join()


def _make(
    ready: Any,
    bank: compose.Bank,
    hard: Sequence[Floats],
    *,
    size: int,
    steps: int,
    seed: list[int],
    unfocused: bool,
) -> None:
    random = np.random.default_rng(seed)
    for _ in range(steps):
        ready.put(batch(bank, hard, size, random, unfocused=unfocused))
    ready.close()
    ready.join_thread()


def batch(
    bank: compose.Bank, hard: Sequence[Floats], size: int, random: np.random.Generator, *, unfocused: bool = False
) -> tuple[Floats, targets.Targets]:
    """One batch: size x SIDE x SIDE x 1, and its targets stacked. If asked for, some are `unfocused`."""
    pictures, wanted = [], []
    for _ in range(size):
        if hard and random.random() < _HARD:
            scene = compose.Scene(hard[random.integers(len(hard))])
        else:
            scene = compose.draw(bank, random)
        if unfocused and random.random() < _UNFOCUSED:
            scene.picture = light.unfocused(scene.picture, [box[3] for box in scene.boxes], random)
        pictures.append(prepare(light.weather(scene.picture, random))[0])
        wanted.append(targets.encode(*scene.labels))
    return np.stack(pictures), targets.Targets(
        *(np.stack([getattr(each, name) for each in wanted]) for name in targets.Targets.__dataclass_fields__)
    )
