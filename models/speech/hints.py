"""What the network has to have in mind beside the answer: the teacher's states and its description, reduced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.speech.cache import Copy
from models.speech.corpora import MAIN
from models.speech.recipe import EARLY, FRAMES, Recipe
from models.speech.teacher import Line

_SAMPLE = 40_000  # states that the principal components are learned from
_AT_ONCE = 16_384  # steps that are described together


@dataclass(frozen=True, eq=False)
class Hints:
    """A row for each step of the shelf, in half precision."""

    thoughts: torch.Tensor
    views: torch.Tensor


def hints_for(
    copies: list[Copy], speakers: dict[int, str], lines: dict[str, Line], recipe: Recipe, device: str = "cpu"
) -> Hints:
    """Reduced to what varies most within speakers (by clip, of the chosen ones), and what each corpus makes of it."""
    states = _states(copies[0], device)
    mine = [row for row in copies[0].rows if int(row[0]) in speakers and row[2] >= EARLY * FRAMES]
    spans = [(int(row[1]) // FRAMES, int(row[1] + row[2]) // FRAMES) for row in mine]
    often = max(1, sum(after - first for first, after in spans) // _SAMPLE)
    some = torch.cat([states[first:after:often] for first, after in spans]).float()
    last = torch.stack([_at_the_end(states[first:after]) for first, after in spans])
    own = torch.from_numpy(np.unique([speakers[int(row[0])] for row in mine], return_inverse=True)[1]).to(last.device)
    overall = last.mean(dim=0)
    for number in range(int(own.max()) + 1):
        last[own == number] -= last[own == number].mean(dim=0) - overall
    think, see = Reduction.learned(some, recipe.thoughts), Reduction.learned(last, recipe.views)
    for corpus, line in lines.items():
        see = see.with_judge(line, last, recipe.judge if corpus == MAIN else recipe.judge / 2)
    parts = []
    for number, one in enumerate(copies):
        if number:
            states = _states(one, device)
        thoughts = torch.cat([think.of(part).half() for part in states.split(_AT_ONCE)])
        parts.append((thoughts, _seen(states, one.rows, see)))
    return Hints(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _states(one: Copy, device: str) -> torch.Tensor:
    return torch.from_numpy(np.array(one.states)).to(device)


def _seen(states: torch.Tensor, segments: NDArray[np.int64], see: Reduction) -> torch.Tensor:
    """What is seen in each segment up to each step."""
    views = torch.zeros((len(states), see.matrix.shape[1]), dtype=torch.float16, device=states.device)
    for rows in _groups(segments[np.argsort(segments[:, 2], kind="stable")]):
        first, count = (torch.from_numpy(part // FRAMES).to(states.device) for part in rows[:, 1:].T)
        places = torch.arange(int(count.max()), device=states.device)[None]
        at = (first[:, None] + places).clamp(max=len(states) - 1)
        within = places < count[:, None]
        views[at[within]] = see.of(described(states[at])[within]).clamp(-60, 60).half()
    return views


def _groups(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows from short to long, as many at a time as make _AT_ONCE steps when all are as long as the last one."""
    start = 0
    while start < len(rows):
        fits = np.arange(1, len(rows) - start + 1) * (rows[start:, 2] // FRAMES) <= _AT_ONCE
        after = start + max(1, int(fits.sum()))
        yield rows[start:after]
        start = after


def _at_the_end(states: torch.Tensor) -> torch.Tensor:
    values = states.float()
    return torch.cat((values.mean(dim=0), values.std(dim=0, unbiased=False)))


def described(states: torch.Tensor) -> torch.Tensor:
    """Mean and deviation of the states (..., steps, width) up to each step."""
    values = states.float()
    count = torch.arange(1, values.shape[-2] + 1, device=values.device)[:, None]
    mean = values.cumsum(dim=-2) / count
    variance = ((values**2).cumsum(dim=-2) / count - mean**2).clamp(min=0)
    return torch.cat((mean, variance.sqrt()), dim=-1)


@dataclass(frozen=True, eq=False)
class Reduction:
    """Principal components of standardised numbers, half whitened, with a mean square of one."""

    mean: torch.Tensor
    matrix: torch.Tensor

    @classmethod
    def learned(cls, values: torch.Tensor, count: int) -> Reduction:
        mean, deviation = values.mean(dim=0), values.std(dim=0, unbiased=False) + 1e-6
        own = (values - mean) / deviation
        variance, axes = _leading(own.T @ own / len(own), count)
        scale = variance**-0.25
        scale /= torch.mean(variance * scale**2).sqrt()
        return cls(mean, axes * scale / deviation[:, None])

    def with_judge(self, line: Line, values: torch.Tensor, weight: float) -> Reduction:
        """Also the discriminant's logits against their mean, with a mean square of `weight`."""
        matrix = torch.from_numpy(line.matrix - line.matrix.mean(axis=1, keepdims=True)).to(values)
        logits = (values - values.mean(dim=0)) @ matrix
        matrix = matrix * weight**0.5 / torch.mean(logits**2).sqrt()
        return Reduction(self.mean, torch.cat((self.matrix, matrix), dim=1))

    def of(self, values: torch.Tensor) -> torch.Tensor:
        return (values.float() - self.mean) @ self.matrix


def _leading(covariance: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest eigenvalues and their vectors, by subspace iteration: thousands of numbers, of which few matter."""
    draw = np.random.default_rng(0)
    start = draw.standard_normal((len(covariance), min(count + 16, len(covariance)))).astype(np.float32)
    axes = torch.from_numpy(start).to(covariance)
    for _ in range(12):
        axes = torch.linalg.qr(covariance @ axes)[0]
    small, turn = torch.linalg.eigh(axes.T @ covariance @ axes)
    order = small.argsort(descending=True)[:count]
    return small[order].clamp(min=1e-6), axes @ turn[:, order]
