"""From cached features to batches: which copy of which segment, cut, stretched, disturbed.

Whole batches at a time, on the device that trains: an accelerator would otherwise wait for numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import FEATURES
from models.speech.corpora import MAIN, MISSING, PLAIN, TALK, UNTOLD, Clip, class_index
from models.speech.hints import Hints
from models.speech.network import Heard
from models.speech.recipe import EARLY, FRAMES, UNIT, Recipe
from models.speech.shelf import Inputs

ANSWERS = 3  # at how many moments of a segment: its end, and others drawn at random
FAR = -1e4  # added to the logit of a class that the corpus does not have
_PER_STEP = FRAMES // UNIT


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learned, from what, and how."""

    inputs: Inputs
    clips: list[Clip]
    corpora: tuple[str, ...]
    judged: NDArray[np.float64]  # (clips, CLASSES): what the teacher makes of each
    hints: Hints
    recipe: Recipe

    @cached_property
    def segments(self) -> list[dict[int, list[NDArray[np.int64]]]]:
        """By copy and clip, the segments that are long enough to be asked about."""
        return [_by_clip(rows) for rows in self.inputs.shelf.rows]

    @cached_property
    def masks(self) -> Floats:
        """(clips, CLASSES)"""
        return np.stack([mask_of(clip) for clip in self.clips])

    @cached_property
    def targets(self) -> Floats:
        """(clips, CLASSES): the label, smoothed over what its corpus has, and the teacher's judgement; or nothing."""
        possible = self.masks == 0
        truth = np.array([class_index(clip, CLASSES) for clip in self.clips])
        talk = np.array([clip.corpus == TALK for clip in self.clips])[:, None]
        smoothing = np.where(talk, self.recipe.talk_smoothing, self.recipe.smoothing)
        labels = smoothing * possible / possible.sum(axis=1, keepdims=True)
        labels[np.arange(len(truth)), truth] += 1 - smoothing[:, 0]
        told = np.array([clip.emotion != UNTOLD for clip in self.clips])[:, None]
        mixed = labels + np.where(talk, 0, self.recipe.teacher) * (self.judged - labels)
        return np.asarray(told * mixed, np.float32)

    @cached_property
    def numbered(self) -> NDArray[np.int64]:
        """(clips,): the number of each one's corpus."""
        return np.array([self.corpora.index(clip.corpus) for clip in self.clips])


@dataclass(frozen=True)
class Batch:
    heard: Heard
    steps: torch.Tensor  # (items,): how many there are; the rest is padding
    corpora: torch.Tensor  # (items,)
    masks: torch.Tensor  # (items, CLASSES), FAR where the corpus lacks the class
    targets: torch.Tensor  # (items, CLASSES), smoothed
    asked: torch.Tensor  # (items, ANSWERS): the steps after which an answer is asked for, the last one first
    thoughts: torch.Tensor  # (items, steps, ...): what the teacher has in mind at each step
    views: torch.Tensor  # (items, ANSWERS, ...): its description of what came so far


def mask_of(clip: Clip) -> Floats:
    """By CLASSES: FAR for those that the clip's corpus does not have, 0 elsewhere."""
    missing = MISSING.get(clip.corpus, frozenset())
    return np.array([FAR if label in missing else 0.0 for label in CLASSES], np.float32)


def epoch(task: Task, chosen: list[int], draw: Generator) -> Iterator[Batch]:
    """One pass over the chosen clips, each time in one version; batches of like lengths."""
    recipe, segments = task.recipe, task.segments
    noise = torch.Generator(task.inputs.shelf.device).manual_seed(int(draw.integers(2**31)))
    items: list[NDArray[np.int64]] = []
    for n in chosen:
        often = times(task.clips[n], recipe)
        for _ in range(int(often) + (draw.random() < often % 1)):
            number = 0 if draw.random() < recipe.clean_share else int(draw.integers(1, len(segments)))
            items += segments[number].get(n, ())
    rows = np.array(items)
    rows = rows[np.argsort(rows[:, 2] + draw.integers(0, 40, len(rows)), kind="stable")]
    groups = [rows[start : start + recipe.batch] for start in range(0, len(rows), recipe.batch)]
    for index in draw.permutation(len(groups)):
        yield _batch(task, groups[int(index)], draw, noise)


def times(clip: Clip, recipe: Recipe) -> float:
    """How often an epoch takes a clip, on average."""
    special = {MAIN: 1.0, TALK: recipe.talk_times, PLAIN: recipe.plain_share}
    return special.get(clip.corpus, recipe.others_share)


def _by_clip(rows: NDArray[np.int64]) -> dict[int, list[NDArray[np.int64]]]:
    """The segments of each clip that are long enough to be asked about."""
    found: dict[int, list[NDArray[np.int64]]] = {}
    for row in rows:
        if row[2] >= FRAMES * EARLY:
            found.setdefault(int(row[0]), []).append(row)
    return found


def _batch(task: Task, rows: NDArray[np.int64], draw: Generator, noise: torch.Generator) -> Batch:
    device, numbers = task.inputs.shelf.device, rows[:, 0]
    sources, steps = _stretched(np.minimum(rows[:, 2], int(task.recipe.most_s * 100)) // UNIT, draw)
    asked = _moments(steps, draw)
    blank = _missing(steps * _PER_STEP, sources.shape[1], task.recipe.longest_gap, draw)
    at = np.minimum(sources[:, _PER_STEP - 1 :: _PER_STEP] // _PER_STEP, rows[:, 2:] // FRAMES - 1)
    at += rows[:, 1:2] // FRAMES

    def there(values: NDArray[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device, non_blocking=True)

    features = task.inputs.features(there(rows[:, 1:2] // UNIT), there(sources))
    heard = Heard(features, task.inputs.bands(rows, UNIT * (int(sources.max()) + 1)), there(sources), there(blank))
    _disturb(heard, task.recipe, noise)
    return Batch(
        heard,
        steps=there(steps),
        corpora=there(task.numbered[numbers]),
        masks=there(task.masks[numbers]),
        targets=there(task.targets[numbers]),
        asked=there(asked),
        thoughts=task.hints.thoughts[there(at)].float(),
        views=task.hints.views[there(np.take_along_axis(at, asked, axis=1))].float(),
    )


def _stretched(units: NDArray[np.int64], draw: Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each item slower or faster: which unit comes when (items, units), and how many steps that makes."""
    stretch = draw.uniform(0.88, 1.12, len(units))
    counts = np.ceil(units / stretch).astype(int)
    steps = counts // _PER_STEP
    places = np.arange(int(steps.max()) * _PER_STEP)
    return np.minimum(np.round(places * stretch[:, None]).astype(np.int64), units[:, None] - 1), steps


def _disturb(heard: Heard, recipe: Recipe, noise: torch.Generator) -> None:
    """Pieces missing, a colour of its own and a little noise for each item; in place."""
    features = heard.features
    features.masked_fill_(heard.blank[..., None], 0)
    colour = torch.randn((len(features), 1, FEATURES), generator=noise, device=features.device)
    features += recipe.colour * colour.repeat(1, 1, UNIT)
    features += 0.35 * (torch.rand(features.shape, generator=noise, device=features.device) - 0.5)


def _moments(steps: NDArray[np.int64], draw: Generator) -> NDArray[np.int64]:
    """The last step of each item, then others from EARLY on."""
    early = np.minimum(EARLY, steps) - 1
    others = draw.integers(early[:, None], steps[:, None], (len(steps), ANSWERS - 1))
    return np.concatenate((steps[:, None] - 1, others), axis=1)


def _missing(counts: NDArray[np.int64], width: int, longest: int, draw: Generator) -> NDArray[np.bool_]:
    """(items, width): up to two pieces of each item that are not there."""
    lengths = draw.integers(1, longest + 1, (len(counts), 2)) * (draw.integers(0, 3, len(counts))[:, None] > (0, 1))
    starts = draw.integers(0, np.maximum(1, counts[:, None] - lengths))
    places = np.arange(width)
    return np.asarray(((places >= starts[..., None]) & (places < (starts + lengths)[..., None])).any(axis=1))
