"""The answer: linear discriminants on the statistics of the states, in closed form.

A head that learns by descent gets used to the training speakers; class means and one shared covariance do not. People
act differently in each corpus, and statistics after a second are not those of a whole sentence: each class has a mean
for each corpus and either length, and the one that looks likeliest counts. Talk has several means: meetings and readers
differ more than feelings do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import standardised
from models.speech.corpora import MAIN, TALK, Clip
from models.speech.recipe import Recipe

_SHARPNESS = 0.3  # of the logits; the temperature does the rest
_TALKS = 6  # means of talk at either length
_NOISE = 0.02  # that a statistic may be wrong by: int8 and rooms
Reals = NDArray[np.float64]
_MAIN_WEIGHT = 3.0  # one corpus counts for more in the covariance: it has all the classes


@dataclass(frozen=True)
class Known:
    """Statistics (a row for each of the clips) at one length of what was heard."""

    statistics: Floats
    clips: list[Clip]


@dataclass(frozen=True)
class Answer:
    """Statistics, standardised and held within LIMIT, times `kernel`, plus `bias`: groups * CLASSES logits.

    Standardised, because statistics differ in how far they reach, and int8 has one scale for all of them.
    """

    mean: Floats
    deviation: Floats
    kernel: Floats  # (statistics, groups * CLASSES); a group is a corpus at either length
    bias: Floats

    def logits(self, statistics: Floats) -> Reals:
        """As the file computes them: the highest of each class's logits."""
        every = np.maximum(standardised(statistics, self.mean, self.deviation) @ self.kernel + self.bias, 0)
        return np.asarray(every.reshape(len(statistics), -1, len(CLASSES)).max(axis=1), np.float64)


@dataclass(frozen=True)
class Shared:
    """What the network itself has learned to answer, whatever the corpus: statistics @ kernel + bias, by CLASSES."""

    kernel: Floats
    bias: Floats


def answer_layer(
    whole: Known,
    early: Known,
    shared: Shared | None = None,
    *,
    weight: float = Recipe.shared,
    strangers: bool = Recipe.strangers,
    talk_often: float = Recipe.talk_often,
    shrinkage: float = Recipe.shrinkage,
) -> Answer:
    """What these statistics teach.

    `shared` is added to the logits of every group, `weight` times, and `talk_often` to those of talk: most of what is
    heard in life is talk, and little of it acted. With `strangers` there is a group for people of no corpus.
    `shrinkage` is that of the covariance towards a sphere.

    A voice of a corpus that is known is told best by that corpus's means; in a language that was never heard the means
    of some other one mislead, and what holds for all of them is all there is.
    """
    mean, deviation = whole.statistics.mean(axis=0), whole.statistics.std(axis=0) + np.float32(1e-6)
    means: dict[tuple[int, str, str], Reals] = {}
    spread, counts = [], []
    for length, known in enumerate((whole, early)):
        scaled = standardised(known.statistics, mean, deviation).astype(np.float64)
        names = np.array([(clip.corpus, clip.emotion) for clip in known.clips])
        for corpus, emotion in sorted({(clip.corpus, clip.emotion) for clip in known.clips}):
            mine = scaled[(names == (corpus, emotion)).all(axis=1)]
            parts = _gathered(mine, _TALKS) if corpus == TALK else [mine]
            for number, part in enumerate(parts):
                means[length, f"{corpus}{number}" if corpus == TALK else corpus, emotion] = part.mean(axis=0)
            if known is whole:
                spread += [part - part.mean(axis=0) for part in parts]
                share = (_MAIN_WEIGHT if corpus == MAIN else 1.0) / np.sum(names[:, 0] == corpus)
                counts.append(np.full(len(mine), share))
    covariance = _covariance(np.concatenate(spread), np.concatenate(counts), shrinkage)
    covariance += np.diag((_NOISE / deviation) ** 2)
    if strangers:
        means |= _of_no_corpus(means)
    order = list(means)
    centres = np.stack([means[one] for one in order])
    directions = _SHARPNESS * np.linalg.solve(covariance, centres.T)
    bias = -0.5 * np.sum(centres.T * directions, axis=0)
    kernel = directions - directions.mean(axis=1, keepdims=True)
    bias -= bias.mean()  # small numbers suit int8
    bias += talk_often * np.array([corpus.startswith(TALK) for _, corpus, _ in order])
    corpora = sorted({corpus for _, corpus, _ in order})
    columns = [
        _column(order, length, corpus, emotion) for length in (0, 1) for corpus in corpora for emotion in CLASSES
    ]
    kernel, bias = kernel[:, columns], bias[columns]
    if shared is not None:
        groups = len(columns) // len(CLASSES)
        own = shared.kernel - shared.kernel.mean(axis=1, keepdims=True)
        own_bias = shared.bias - shared.bias.mean() + mean @ own
        kernel = kernel + weight * np.tile(own * deviation[:, None], groups)
        bias = bias + weight * np.tile(own_bias, groups)
    return Answer(mean, deviation, kernel.astype(np.float32), bias.astype(np.float32))


def _of_no_corpus(means: dict[tuple[int, str, str], Reals]) -> dict[tuple[int, str, str], Reals]:
    """The means for people of no corpus, at either length."""
    found: dict[tuple[int, str, str], Reals] = {}
    for length in (0, 1):
        known = {one[1:]: mean for one, mean in means.items() if one[0] == length and not one[1].startswith(TALK)}
        found |= {(length, "", label): mean for label, mean in of_no_corpus(known).items()}
    return found


def of_no_corpus(known: dict[tuple[str, str], Reals]) -> dict[str, Reals]:
    """By label, from means by corpus and label: what each label adds to what each corpus is, and the corpora's average.

    Not the plain averages over the corpora that have a label: those would tell corpora as well as labels.
    """
    corpora, labels = sorted({corpus for corpus, _ in known}), sorted({label for _, label in known})
    nothing = np.zeros_like(next(iter(known.values())))
    own, adds = dict.fromkeys(corpora, nothing), dict.fromkeys(labels, nothing)
    for _ in range(30):
        adds = {label: np.mean([known[one] - own[one[0]] for one in known if one[1] == label], 0) for label in adds}
        own = {corpus: np.mean([known[one] - adds[one[1]] for one in known if one[0] == corpus], 0) for corpus in own}
    average = np.mean(list(own.values()), axis=0)
    return {label: average + more for label, more in adds.items()}


def _gathered(values: Reals, count: int) -> list[Reals]:
    """Parts of like rows, by k-means from rows far from each other; as many as there are, if those are fewer."""
    centres = values[:1]
    while len(centres) < min(count, len(values)):
        away = np.stack([((values - centre) ** 2).sum(axis=1) for centre in centres]).min(axis=0)
        centres = np.concatenate((centres, values[[int(np.argsort(away)[-max(1, len(away) // 20)])]]))
    for _ in range(20):
        nearest = np.stack([((values - centre) ** 2).sum(axis=1) for centre in centres]).argmin(axis=0)
        parts = [values[nearest == number] for number in range(len(centres))]
        parts = [part for part in parts if len(part)]
        centres = np.stack([part.mean(axis=0) for part in parts])
    return parts


def _covariance(spread: Reals, weight: Reals, shrinkage: float) -> Reals:
    found = (spread * weight[:, None]).T @ spread / weight.sum()
    sphere = np.eye(len(found)) * np.trace(found) / len(found)
    return np.asarray((1 - shrinkage) * found + shrinkage * sphere)


def _column(order: list[tuple[int, str, str]], length: int, corpus: str, emotion: str) -> int:
    """What a corpus does not have is as in the main one, or in any."""
    wanted = [(length, corpus, emotion), (length, MAIN, emotion)]
    found = [one for one in wanted if one in order] or [one for one in order if one[2] == emotion] or order
    return order.index(found[0])
