"""What the network has to have in mind beside the answer: the teacher's states and its description, reduced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from models.speech.cache import Copy
from models.speech.corpora import MAIN
from models.speech.recipe import EARLY, FRAMES, Recipe
from models.speech.teacher import Line

_SAMPLE = 40_000  # states that the principal components are learned from


@dataclass(frozen=True)
class Hints:
    """By copy, a row for each step."""

    thoughts: list[NDArray[np.float16]]
    views: list[NDArray[np.float16]]

    def at(self, copy: int, row: NDArray[np.int64], steps: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Of these steps of a row."""
        where = int(row[1]) // FRAMES + np.minimum(steps, int(row[2]) // FRAMES - 1)
        return self.thoughts[copy][where].astype(np.float32), self.views[copy][where].astype(np.float32)


def hints_for(copies: list[Copy], speakers: dict[int, str], lines: dict[str, Line], recipe: Recipe) -> Hints:
    """Reduced to what varies most within speakers (by clip, of the chosen ones), and what each corpus makes of it."""
    clean = copies[0]
    mine = [row for row in clean.rows if int(row[0]) in speakers and row[2] >= EARLY * FRAMES]
    spans = [(int(row[1]) // FRAMES, int(row[1] + row[2]) // FRAMES) for row in mine]
    often = max(1, sum(after - first for first, after in spans) // _SAMPLE)
    some = np.concatenate([clean.states[first:after:often] for first, after in spans]).astype(np.float32)
    last = np.stack([_at_the_end(clean.states[first:after]) for first, after in spans])
    own = np.unique([speakers[int(row[0])] for row in mine], return_inverse=True)[1]
    overall = last.mean(axis=0)
    for number in range(own.max() + 1):
        last[own == number] -= last[own == number].mean(axis=0) - overall
    think, see = Reduction.learned(some, recipe.thoughts), Reduction.learned(last, recipe.views)
    for corpus, line in lines.items():
        see = see.with_judge(line, last, recipe.judge if corpus == MAIN else recipe.judge / 2)
    thoughts, views = [], []
    for copy in copies:
        thought = np.zeros((len(copy.states), think.matrix.shape[1]), np.float16)
        view = np.zeros((len(copy.states), see.matrix.shape[1]), np.float16)
        for row in copy.rows:
            first, after = int(row[1]) // FRAMES, int(row[1] + row[2]) // FRAMES
            states = copy.states[first:after]
            thought[first:after] = think.of(states.astype(np.float32))
            view[first:after] = np.clip(see.of(described(states)), -60, 60)
        thoughts.append(thought)
        views.append(view)
    return Hints(thoughts, views)


def _at_the_end(states: NDArray[np.float16]) -> Floats:
    values = states.astype(np.float32)
    return np.concatenate((values.mean(axis=0), values.std(axis=0)))


def described(states: NDArray[np.float16]) -> Floats:
    """Mean and deviation of the states up to each step."""
    values = states.astype(np.float32)
    count = np.arange(1, len(values) + 1, dtype=np.float32)[:, None]
    mean = np.cumsum(values, axis=0) / count
    variance = np.maximum(np.cumsum(values**2, axis=0) / count - mean**2, 0)
    return np.asarray(np.concatenate((mean, np.sqrt(variance)), axis=1), np.float32)


@dataclass(frozen=True)
class Reduction:
    """Principal components of standardised numbers, half whitened, with a mean square of one."""

    mean: Floats
    matrix: Floats

    @classmethod
    def learned(cls, values: Floats, count: int) -> Reduction:
        mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
        own = (values - mean) / deviation
        variance, axes = _leading(own.T @ own / len(own), count)
        scale = variance**-0.25
        scale /= np.sqrt(np.mean(variance * scale**2))
        return cls(mean, (axes * scale / deviation[:, None]).astype(np.float32))

    def with_judge(self, line: Line, values: Floats, weight: float) -> Reduction:
        """Also the discriminant's logits against their mean, with a mean square of `weight`."""
        matrix = line.matrix - line.matrix.mean(axis=1, keepdims=True)
        logits = (values - values.mean(axis=0)) @ matrix
        matrix = matrix * np.sqrt(weight) / np.sqrt(np.mean(logits**2))
        return Reduction(self.mean, np.concatenate((self.matrix, matrix), axis=1).astype(np.float32))

    def of(self, values: Floats) -> Floats:
        return np.asarray((values - self.mean) @ self.matrix, np.float32)


def _leading(covariance: Floats, count: int) -> tuple[Floats, Floats]:
    """The largest eigenvalues and their vectors, by subspace iteration: thousands of numbers, of which few matter."""
    draw = np.random.default_rng(0)
    axes = draw.standard_normal((len(covariance), min(count + 16, len(covariance)))).astype(np.float32)
    for _ in range(12):
        axes = np.linalg.qr(covariance @ axes)[0]
    small, turn = np.linalg.eigh(axes.T @ covariance @ axes)
    order = np.argsort(small)[::-1][:count]
    return np.maximum(small[order], 1e-6), axes @ turn[:, order]
