"""What the network has to have in mind beside the answer: the teacher's states and its description, reduced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from models.speech.recipe import FRAMES, Recipe
from models.speech.teacher import Line


@dataclass(frozen=True)
class Hints:
    """By copy, a row for each step."""

    thoughts: list[NDArray[np.float16]]
    views: list[NDArray[np.float16]]
    begins: list[dict[int, int]]  # from a row's first frame to its first step

    def at(self, copy: int, row: NDArray[np.int64], steps: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Of these steps of a row."""
        where = self.begins[copy][int(row[1])] + np.minimum(steps, int(row[2]) // FRAMES - 1)
        return self.thoughts[copy][where].astype(np.float32), self.views[copy][where].astype(np.float32)


def hints_for(
    states: list[NDArray[np.float16]],
    rows: list[NDArray[np.int64]],
    speakers: dict[int, str],
    lines: dict[str, Line],
    recipe: Recipe,
) -> Hints:
    """Reduced to what varies most within speakers (by clip, of the chosen ones), and what each corpus makes of it."""
    mine = [n for n, row in enumerate(rows[0]) if int(row[0]) in speakers and row[2] >= 60]
    firsts = [np.concatenate(([0], np.cumsum(each[:, 2] // FRAMES))) for each in rows]
    some = np.concatenate([states[0][firsts[0][n] : firsts[0][n + 1] : 4] for n in mine]).astype(np.float32)
    last = np.stack([described(states[0][firsts[0][n] : firsts[0][n + 1]])[-1] for n in mine])
    own = np.unique([speakers[int(rows[0][n, 0])] for n in mine], return_inverse=True)[1]
    for number in range(own.max() + 1):
        last[own == number] -= last[own == number].mean(axis=0) - last.mean(axis=0)
    think, see = Reduction.learned(some, recipe.thoughts), Reduction.learned(last, recipe.views)
    for corpus, line in lines.items():
        see = see.with_judge(line, last, recipe.judge if corpus == "ravdess" else recipe.judge / 2)
    thoughts, views, begins = [], [], []
    for copy, each in enumerate(rows):
        thoughts.append(think.of(states[copy].astype(np.float32)).astype(np.float16))
        views.append(
            np.concatenate(
                [
                    see.of(described(states[copy][firsts[copy][n] : firsts[copy][n + 1]])).astype(np.float16)
                    for n in range(len(each))
                ]
            )
        )
        begins.append(dict(zip(each[:, 1].tolist(), firsts[copy].tolist(), strict=False)))
    return Hints(thoughts, views, begins)


def described(states: NDArray[np.float16]) -> Floats:
    """Mean and deviation of the states up to each step."""
    values = states.astype(np.float64)
    count = np.arange(1, len(values) + 1)[:, None]
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
        variance, axes = np.linalg.eigh(own.T @ own / len(own))
        variance, axes = variance[::-1][:count], axes[:, ::-1][:, :count]
        scale = variance**-0.25
        scale /= np.sqrt(np.mean(variance * scale**2))
        return cls(mean, (axes * scale / deviation[:, None]).astype(np.float32))

    def with_judge(self, line: Line, values: Floats, weight: float) -> Reduction:
        """Also the discriminant's logits against their mean, with a mean square of `weight`."""
        matrix = line.matrix - line.matrix.mean(axis=1, keepdims=True)
        logits = (values - values.mean(axis=0)) @ matrix
        matrix *= np.sqrt(weight) / np.sqrt(np.mean(logits**2))
        return Reduction(self.mean, np.concatenate((self.matrix, matrix), axis=1).astype(np.float32))

    def of(self, values: Floats) -> Floats:
        return np.asarray((values - self.mean) @ self.matrix, np.float32)
