"""Sentences as numbers: pieces, what is true, and how common each label is in each corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

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
    copied: NDArray[np.bool_]  # which are changed copies of others

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> Numbers:
        return np.array([len(one) for one in self.ids], np.int64)

    @cached_property
    def flat(self) -> tuple[NDArray[np.int32], Numbers]:
        """All pieces one after the other, and where each sentence begins."""
        return np.concatenate(self.ids), np.cumsum(self.lengths) - self.lengths

    def seen(self, shares: Reals, copies: float = 0.0) -> Reals:
        """How likely each row is in an epoch: by its corpus, and `copies` as many copies as there are others."""
        likely = shares[self.corpora]
        copied, others = likely[self.copied].sum(), likely[~self.copied].sum()
        factor = min(1.0, copies * others / copied) if copied else 0.0
        return np.where(self.copied, factor * likely, likely)


def task_of(
    chosen: Sequence[Sentence], pieces: Pieces, vocabulary: Sequence[str], copies: Sequence[Sentence] = ()
) -> Task:
    """With the priors of these sentences; `copies` of them come after them."""
    everything = [*chosen, *copies]
    truth = np.array([label_set(one.labels) for one in everything])
    corpora = np.array([NAMES.index(one.corpus) for one in everything])
    marks = np.array([not any(letter.isalnum() for letter in piece) for piece in vocabulary])
    ids = [np.array(pieces.ids(one.text), np.int32) for one in everything]
    priors = priors_of(truth[: len(chosen)], corpora[: len(chosen)])
    return Task(ids, marks, truth, corpora, priors, np.arange(len(everything)) >= len(chosen))


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
    task: Task, recipe: Recipe, generator: np.random.Generator, seen: Reals
) -> Iterator[tuple[Numbers, Numbers]]:
    """Rows and their pieces, each as likely as `seen` says, those of like length together so that little is padded."""
    order = np.argsort(task.lengths + generator.uniform(0, 6, len(task)))
    order = order[generator.random(len(order)) < seen[order]]
    groups = [order[at : at + recipe.batch] for at in range(0, len(order), recipe.batch)]
    for number in generator.permutation(len(groups)):
        yield groups[number], _changed(task, groups[number], recipe, generator)


def _changed(task: Task, rows: Numbers, recipe: Recipe, draw: np.random.Generator) -> Numbers:
    """Of a long one any stretch; some pieces lost, sometimes all marks. -1 after the end, as `padded`."""
    flat, starts = task.flat
    lengths = task.lengths[rows]
    begin = starts[rows] + draw.integers(np.maximum(lengths - STEPS, 0) + 1)
    columns = np.arange(max(2, (int(np.minimum(lengths, STEPS).max()) + 1) // 2 * 2))
    kept = columns < np.minimum(lengths, STEPS)[:, None]
    ids = np.where(kept, flat[np.minimum(begin[:, None] + columns, len(flat) - 1)].astype(np.int64), -1)
    words = kept & ~task.marks[ids]
    unmarked = (draw.random(len(rows)) < recipe.unmarked) & words.any(1)
    kept = np.where(unmarked[:, None], words, kept)
    stays = kept & (draw.random(kept.shape) >= recipe.lost)
    kept = np.where(stays.any(1)[:, None], stays, kept)
    together = np.argsort(~kept, axis=1, kind="stable")
    steps = max(2, (int(kept.sum(1).max()) + 1) // 2 * 2)
    return np.take_along_axis(np.where(kept, ids, -1), together, axis=1)[:, :steps]


def steps_of(recipe: Recipe, seen: Reals) -> int:
    """About how many batches an epoch has."""
    return int(seen.sum()) // recipe.batch + 2


def padded(rows: Sequence[NDArray[np.integer]], steps: int | None = None) -> Numbers:  # type: ignore[type-arg]
    """-1 after the end, up to an even number of steps."""
    most = steps or min(STEPS, max(2, max(len(row) for row in rows) + 1) // 2 * 2)
    result = np.full((len(rows), most), -1, np.int64)
    for number, row in enumerate(rows):
        result[number, : len(row[:most])] = row[:most]
    return result
