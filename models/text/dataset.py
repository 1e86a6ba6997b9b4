"""Sentences as numbers: pieces, what is true, and how common each label is in each corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from edge.readings import LABELS
from edge.text.pieces import Pieces
from models.text.corpora import CORPORA, Sentence, label_set
from models.text.recipe import STEPS, Recipe

Numbers = NDArray[np.int64]
NAMES = tuple(CORPORA)
Reals = NDArray[np.float64]
LESSON = np.array([CORPORA[name].lesson for name in NAMES])  # in one in which a teacher teaches
SEEN = np.array([CORPORA[name].seen for name in NAMES])  # share of a corpus in an epoch
WEIGHT = np.array([CORPORA[name].weight for name in NAMES], np.float32)  # how much a sentence of it counts
TALK = "meld"  # the corpus in which feelings are as common as in everyday talk
NEVER = -20.0  # the log-prior of a label that a corpus does not have


@dataclass(frozen=True)
class Task:
    """Row by row the sentences to learn from."""

    ids: list[NDArray[np.int32]]
    marks: NDArray[np.bool_]  # by piece: whether it is no word
    truth: NDArray[np.bool_]  # sentences x LABELS: one of these
    corpora: Numbers
    priors: Floats  # corpora x LABELS, logarithms

    def __len__(self) -> int:
        return len(self.ids)


def task_of(chosen: Sequence[Sentence], pieces: Pieces, vocabulary: Sequence[str]) -> Task:
    """With the priors of these sentences."""
    truth = np.array([label_set(one.labels) for one in chosen])
    corpora = np.array([NAMES.index(one.corpus) for one in chosen])
    marks = np.array([not any(letter.isalnum() for letter in piece) for piece in vocabulary])
    ids = [np.array(pieces.ids(one.text), np.int32) for one in chosen]
    return Task(ids, marks, truth, corpora, priors_of(truth, corpora))


def priors_of(truth: NDArray[np.bool_], corpora: Numbers) -> Floats:
    """Log of how common each label is in each corpus; a set's count goes to its labels as they occur elsewhere."""
    single = truth.sum(1) == 1
    everywhere = truth[single].sum(0) + 1.0
    rows = np.full((len(NAMES), len(LABELS)), NEVER, np.float32)
    for number, name in enumerate(NAMES):
        mine = truth[corpora == number]
        if len(mine):
            parts = mine * everywhere
            counts = (parts / parts.sum(1, keepdims=True)).sum(0) + 1.0
            known = np.array(label_set(CORPORA[name].labels))
            rows[number, known] = np.log(counts[known] / counts[known].sum())
    return rows


def batches(
    task: Task, recipe: Recipe, generator: np.random.Generator, seen: Reals = SEEN
) -> Iterator[tuple[Numbers, Numbers]]:
    """Rows and their pieces, each corpus with its share, those of like length together so that little is padded."""
    lengths = np.array([len(one) for one in task.ids]) + generator.uniform(0, 6, len(task))
    order = np.argsort(lengths)
    order = order[generator.random(len(order)) < seen[task.corpora[order]]]
    groups = [order[at : at + recipe.batch] for at in range(0, len(order), recipe.batch)]
    for number in generator.permutation(len(groups)):
        rows = groups[number]
        yield rows, padded([_changed(task.ids[row], task.marks, recipe, generator) for row in rows])


def _changed(ids: NDArray[np.int32], marks: NDArray[np.bool_], recipe: Recipe, draw: np.random.Generator) -> Numbers:
    """Some pieces lost, sometimes all marks; of a long one any stretch."""
    kept = ids
    if draw.random() < recipe.unmarked and not marks[ids].all():
        kept = ids[~marks[ids]]
    if len(kept) > STEPS:
        start = int(draw.integers(len(kept) - STEPS + 1))
        kept = kept[start : start + STEPS]
    stays = draw.random(len(kept)) >= recipe.lost
    return np.asarray(kept[stays] if stays.any() else kept, np.int64)


def steps_of(task: Task, recipe: Recipe, seen: Reals = SEEN) -> int:
    """About how many batches an epoch has."""
    return int(seen[task.corpora].sum()) // recipe.batch + 2


def padded(rows: Sequence[NDArray[np.integer]], steps: int | None = None) -> Numbers:  # type: ignore[type-arg]
    """-1 after the end, up to an even number of steps."""
    most = steps or min(STEPS, max(2, max(len(row) for row in rows) + 1) // 2 * 2)
    result = np.full((len(rows), most), -1, np.int64)
    for number, row in enumerate(rows):
        result[number, : len(row[:most])] = row[:most]
    return result
