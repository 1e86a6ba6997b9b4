"""What the student learns from: faces, their labels and, mostly, what the teacher says of the very same picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.face.batches import Batch

Floats = NDArray[np.float32]
_TRUST = 0.8  # the teacher's share in a target


def lessons(
    stream: Iterable[Batch], ask: Callable[[Floats], Floats], kept: Path, random: np.random.Generator
) -> Iterator[Batch]:
    """The batches of `stream` with the teacher's answers in their targets; half of the pictures are mirrored.

    `ask` is the teacher: pictures to probabilities (heads x items x classes). It is slow, so its answers are kept in
    the file `kept`, and taken from it when the same stream comes again.
    """
    remembered = np.load(kept) if kept.is_file() else None
    answers = []
    for number, batch in enumerate(stream):
        said = ask(batch.pictures) if remembered is None else remembered[number]
        answers.append(said)
        targets = {
            head: np.asarray((1 - _TRUST) * wanted + _TRUST * judged, np.float32)
            for (head, wanted), judged in zip(batch.targets.items(), said, strict=True)
        }
        mirrored = random.random(len(batch.pictures)) < 0.5
        pictures = np.where(mirrored[:, None, None, None], batch.pictures[..., ::-1], batch.pictures)
        yield replace(batch, pictures=pictures, targets=targets)
    if remembered is None:
        np.save(kept, np.stack(answers))
