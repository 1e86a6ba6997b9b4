"""Training pictures without end: composed, lit, standardised like in the service, with their targets."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from edge.face.grid import prepare
from models.finder import compose, light, targets
from models.finder.photos import Floats

_HARD = 0.08  # of the pictures are empty scenes that were once taken for a face


def batches(
    bank: compose.Bank, hard: Sequence[Floats], *, size: int, steps: int, seed: int, epoch: int
) -> Iterator[tuple[Floats, targets.Targets]]:
    """The same for the same seed and epoch; made ahead in a thread, because drawing and learning alternate."""
    ready: queue.Queue[tuple[Floats, targets.Targets]] = queue.Queue(4)
    stop = threading.Event()

    def work() -> None:
        random = np.random.default_rng([seed, epoch])
        for _ in range(steps):
            made = batch(bank, hard, size, random)
            while not stop.is_set():
                try:
                    ready.put(made, timeout=0.5)
                    break
                except queue.Full:
                    continue
            if stop.is_set():
                return

    maker = threading.Thread(target=work, daemon=True)
    maker.start()
    try:
        for _ in range(steps):
            yield ready.get()
    finally:
        stop.set()
        maker.join()


def batch(
    bank: compose.Bank, hard: Sequence[Floats], size: int, random: np.random.Generator
) -> tuple[Floats, targets.Targets]:
    """One batch: size x SIDE x SIDE x 1, and its targets stacked."""
    pictures, wanted = [], []
    for _ in range(size):
        if hard and random.random() < _HARD:
            scene = compose.Scene(hard[random.integers(len(hard))])
        else:
            scene = compose.draw(bank, random)
        pictures.append(prepare(light.weather(scene.picture, random))[0])
        wanted.append(targets.encode(*scene.labels))
    return np.stack(pictures), targets.Targets(
        *(np.stack([getattr(each, name) for each in wanted]) for name in targets.Targets.__dataclass_fields__)
    )
