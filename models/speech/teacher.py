"""A teacher that has heard the world, and what it would say of speakers whose labels it was not told.

Whisper-base describes each clip: mean and deviation over time of its blocks 2, 3 and 4. On that, a linear
discriminant learns feelings from the training speakers of a corpus and judges each of them by the others. The network
learns from these judgements beside the labels: they say which feelings sound alike. Nobody who is held back for testing
is among these speakers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from models.common.calibration import fit_temperature, softmax
from models.speech.cache import Copy
from models.speech.corpora import PLAIN, TALK, Clip, class_index
from models.speech.recipe import FRAMES

_GROUPS = 12  # of speakers, each judged by the others
_SHRINKAGE = 0.6  # of the covariance towards a sphere
_LABELS_ONLY = (
    "tess",
    "urdu",
    TALK,
    PLAIN,
)  # two speakers cannot judge each other, nor can those who show one feeling each
Reals = NDArray[np.float64]


def descriptions(clean: Copy, clips: int) -> Floats:
    """(clips, 2 * width * blocks): mean and deviation of the teacher's states over a clip's segments."""
    sums, counts = np.zeros((clips, 2, clean.states.shape[1])), np.zeros(clips)
    for clip, first, frames in clean.rows:
        states = clean.states[first // FRAMES : (first + frames) // FRAMES].astype(np.float32)
        sums[clip] += states.sum(axis=0), (states**2).sum(axis=0)
        counts[clip] += len(states)
    mean, square = np.moveaxis(sums / np.maximum(counts, 1)[:, None, None], 1, 0)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return np.asarray(np.concatenate((mean, deviation), axis=1), np.float32)


def judgements(described: Floats, clips: list[Clip], chosen: list[int]) -> Reals:
    """(clips, CLASSES): for the chosen clips what the others' speakers make of them; labels where there is no telling.

    Rows of clips that were not chosen are zero, and nothing of them is used.
    """
    result = np.zeros((len(clips), len(CLASSES)))
    truth = np.array([class_index(clip, CLASSES) for clip in clips])
    result[chosen, truth[chosen]] = 1
    for corpus in sorted({clips[n].corpus for n in chosen}.difference(_LABELS_ONLY)):
        mine = np.array([n for n in chosen if clips[n].corpus == corpus])
        result[mine] = judged_by_others(described[mine], truth[mine], np.array([clips[n].speaker for n in mine]))
    return result


def judged_by_others(described: Floats, truth: NDArray[np.int64], speakers: NDArray[np.str_]) -> Reals:
    """Probabilities (items, CLASSES) of each item by a discriminant that has not seen its speaker, made as sure as they
    are right.

    There are more numbers than items, so the discriminant is computed from inner products of the items.
    """
    scaled = ((described - described.mean(axis=0)) / (described.std(axis=0) + 1e-6)).astype(np.float64)
    products = scaled @ scaled.T
    classes, labels = np.unique(truth, return_inverse=True)
    names = sorted(set(speakers.tolist()))
    logits = np.full((len(truth), len(classes)), -1e4)
    for start in range(min(_GROUPS, len(names))):
        judged = np.isin(speakers, names[start::_GROUPS])
        known = np.unique(labels[~judged])
        rest, asked = np.flatnonzero(~judged), np.flatnonzero(judged)
        logits[np.ix_(asked, known)] = _discriminant(products, labels, rest, asked, scaled.shape[1])
    temperature = fit_temperature(labels, logits)
    result = np.zeros((len(truth), len(CLASSES)))
    result[:, classes] = softmax(logits, temperature)
    return result


def _discriminant(
    products: Reals, labels: NDArray[np.int64], rest: NDArray[np.int64], asked: NDArray[np.int64], width: int
) -> Reals:
    """Logits (asked, classes among the rest) of linear discriminant analysis, by way of Woodbury's identity."""
    inner, outer = products[np.ix_(rest, rest)], products[np.ix_(rest, asked)]
    known, own = np.unique(labels[rest], return_inverse=True)
    averages = np.zeros((len(known), len(rest)))
    averages[own, np.arange(len(rest))] = 1
    averages /= averages.sum(axis=1, keepdims=True)
    apart = np.eye(len(rest)) - averages[own]  # takes a class's mean away
    spread = apart @ inner @ apart.T
    sphere = _SHRINKAGE * np.trace(spread) / len(rest) / width
    ridge = len(rest) * sphere / (1 - _SHRINKAGE)
    means_spread = averages @ inner @ apart.T
    solved = np.linalg.solve(spread + ridge * np.eye(len(rest)), means_spread.T)  # (rest, classes)
    logits = averages @ outer - solved.T @ (apart @ outer)
    own_size = np.sum((averages @ inner) * averages, axis=1) - np.sum(solved.T * means_spread, axis=1)
    return np.asarray((logits - 0.5 * own_size[:, None]).T / sphere)


@dataclass(frozen=True)
class Line:
    """The linear function that a discriminant is: logits of the classes that it has met."""

    classes: NDArray[np.int64]
    mean: Floats
    matrix: Reals
    offset: Reals

    @classmethod
    def learned(cls, known: Floats, truth: NDArray[np.int64]) -> Line:
        mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-6
        scaled = (known - mean) / deviation
        classes = np.unique(truth)
        means = np.stack([scaled[truth == label].mean(axis=0) for label in classes])
        spread = scaled - means[np.searchsorted(classes, truth)]
        covariance = spread.T @ spread / len(spread)
        sphere = _SHRINKAGE * np.trace(covariance) / len(covariance)
        covariance = (1 - _SHRINKAGE) * covariance + sphere * np.eye(len(covariance), dtype=covariance.dtype)
        solved = np.linalg.solve(covariance, means.T).astype(np.float64)
        return cls(classes, mean, solved / deviation[:, None], -0.5 * np.sum(means.T * solved, axis=0))

    def of(self, asked: Floats) -> Reals:
        return np.asarray((asked - self.mean) @ self.matrix + self.offset)


def judges(described: Floats, clips: list[Clip], chosen: list[int]) -> dict[str, Line]:
    """For each corpus with enough speakers, what its chosen clips teach."""
    found = {}
    for corpus in sorted({clips[n].corpus for n in chosen}.difference(_LABELS_ONLY)):
        mine = [n for n in chosen if clips[n].corpus == corpus]
        found[corpus] = Line.learned(described[mine], np.array([class_index(clips[n], CLASSES) for n in mine]))
    return found
