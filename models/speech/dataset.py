"""From cached features to batches: which copy of which segment, cut, stretched, disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import FEATURES, PRIOR_FRAMES, standardised
from edge.speech.spectrum import MELS
from models.speech.cache import Copy
from models.speech.corpora import MAIN, MISSING, TALK, Clip, class_index
from models.speech.hints import Hints
from models.speech.recipe import EARLY, FRAMES, UNIT, Recipe

ANSWERS = 3  # at how many moments of a segment: its end, and others drawn at random
FAR = -1e4  # added to the logit of a class that the corpus does not have
_PER_STEP = FRAMES // UNIT
Halves = NDArray[np.float16]


@dataclass(frozen=True)
class Front:
    """What makes frames comparable, learned from training speakers alone; the service does the same."""

    cepstral_mean: Floats
    mean: Floats
    deviation: Floats


@dataclass(frozen=True)
class Inputs:
    """Cached copies, seen through a front."""

    copies: list[Copy]
    cepstral_mean: Floats  # that the frames were extracted with
    front: Front

    def plain(self, copy: int, row: NDArray[np.int64], most: int | None = None) -> Floats:
        """As extraction with the front's own prior mean would give them."""
        length = int(row[2]) if most is None else min(int(row[2]), most)
        part = self.copies[copy].frames[row[1] : row[1] + length].astype(np.float32)
        share = PRIOR_FRAMES / (PRIOR_FRAMES + 1 + np.arange(len(part), dtype=np.float32))
        part[:, 1:MELS] -= share[:, None] * (self.front.cepstral_mean - self.cepstral_mean)
        return part

    def units(self, copy: int, row: NDArray[np.int64], most: int | None = None) -> tuple[Floats, Halves]:
        """What the network takes, by units of 20 ms: features (units, UNIT * FEATURES) and stem (units, 384)."""
        frames = standardised(self.plain(copy, row, most), self.front.mean, self.front.deviation)
        first = int(row[1]) // UNIT
        return frames.reshape(-1, UNIT * FEATURES), self.copies[copy].stem[first : first + len(frames) // UNIT]


def fronted(inputs: Inputs, chosen: set[int], cepstral_mean: Floats) -> Inputs:
    """With mean and deviation per feature of the chosen clips as recorded."""
    flat = replace(inputs, front=replace(inputs.front, cepstral_mean=cepstral_mean))
    rows = [row for row in inputs.copies[0].rows if int(row[0]) in chosen]
    some = np.concatenate([flat.plain(0, row, 400) for row in rows[::3]])
    return replace(flat, front=Front(cepstral_mean, some.mean(axis=0), some.std(axis=0) + np.float32(1e-3)))


@dataclass(frozen=True)
class Task:
    """What is to be learned, from what, and how."""

    inputs: Inputs
    clips: list[Clip]
    corpora: tuple[str, ...]
    judged: NDArray[np.float64]  # (clips, CLASSES): what the teacher makes of each
    hints: Hints
    recipe: Recipe


@dataclass(frozen=True)
class Batch:
    features: Floats  # (items, units, UNIT * FEATURES)
    stem: Halves  # (items, units, 384)
    steps: NDArray[np.int64]  # (items,): how many there are; the rest is padding
    corpora: NDArray[np.int64]  # (items,)
    masks: Floats  # (items, CLASSES), FAR where the corpus lacks the class
    targets: Floats  # (items, CLASSES), smoothed
    asked: NDArray[np.int64]  # (items, ANSWERS): the steps after which an answer is asked for, the last one first
    thoughts: Floats  # (items, steps, ...): what the teacher has in mind at each step
    views: Floats  # (items, ANSWERS, ...): its description of what came so far


def mask_of(clip: Clip) -> Floats:
    """By CLASSES: FAR for those that the clip's corpus does not have, 0 elsewhere."""
    missing = MISSING[clip.corpus]
    return np.array([FAR if label in missing else 0.0 for label in CLASSES], np.float32)


def epoch(task: Task, chosen: list[int], draw: Generator) -> Iterator[Batch]:
    """One pass over the chosen clips, each time in one version; batches of like lengths."""
    recipe = task.recipe
    rows = [_by_clip(copy) for copy in task.inputs.copies]
    items = []
    for n in chosen:
        often = times(task.clips[n], recipe)
        for _ in range(int(often) + (draw.random() < often % 1)):
            number = 0 if draw.random() < recipe.clean_share else int(draw.integers(1, len(rows)))
            items += [(number, row) for row in rows[number].get(n, ())]
    items.sort(key=lambda item: int(item[1][2]) + int(draw.integers(0, 40)))
    groups = [items[start : start + recipe.batch] for start in range(0, len(items), recipe.batch)]
    for index in draw.permutation(len(groups)):
        yield _batch(task, groups[int(index)], draw)


def times(clip: Clip, recipe: Recipe) -> float:
    """How often an epoch takes a clip, on average."""
    return {MAIN: 1.0, TALK: recipe.talk_times}.get(clip.corpus, recipe.others_share)


def _by_clip(copy: Copy) -> dict[int, list[NDArray[np.int64]]]:
    """The segments of each clip that are long enough to be asked about."""
    found: dict[int, list[NDArray[np.int64]]] = {}
    for row in np.asarray(copy.rows):
        if row[2] >= FRAMES * EARLY:
            found.setdefault(int(row[0]), []).append(row)
    return found


def _batch(task: Task, items: list[tuple[int, NDArray[np.int64]]], draw: Generator) -> Batch:
    clips = [task.clips[int(row[0])] for _, row in items]
    drawn = [_varied(task, copy, row, draw) for copy, row in items]
    steps = np.array([len(sources) // _PER_STEP for _, _, sources in drawn])
    longest = int(steps.max()) * _PER_STEP
    features = np.zeros((len(items), longest, UNIT * FEATURES), np.float32)
    stem = np.zeros((len(items), longest, drawn[0][1].shape[1]), np.float16)
    masks = np.stack([mask_of(clip) for clip in clips])
    targets = _targets(task, [int(row[0]) for _, row in items], masks)
    asked = np.stack([_moments(int(count), draw) for count in steps])
    thoughts = np.zeros((len(items), int(steps.max()), task.hints.thoughts[0].shape[1]), np.float32)
    views = np.zeros((len(items), ANSWERS, task.hints.views[0].shape[1]), np.float32)
    for number, ((part, described, sources), (copy, row)) in enumerate(zip(drawn, items, strict=True)):
        units = int(steps[number]) * _PER_STEP
        features[number, :units], stem[number, :units] = part[:units], described[:units]
        at = sources[_PER_STEP - 1 : units : _PER_STEP] // _PER_STEP
        thoughts[number, : len(at)], every = task.hints.at(copy, row, at)
        views[number] = every[asked[number]]
    corpora = np.array([task.corpora.index(clip.corpus) for clip in clips])
    return Batch(features, stem, steps, corpora, masks, targets, asked, thoughts, views)


def _targets(task: Task, numbers: list[int], masks: Floats) -> Floats:
    """The label, smoothed over what its corpus has, and the teacher's judgement."""
    possible = masks == 0
    truth = np.array([class_index(task.clips[n], CLASSES) for n in numbers])
    talk = np.array([task.clips[n].corpus == TALK for n in numbers])[:, None]
    smoothing = np.where(talk, task.recipe.talk_smoothing, task.recipe.smoothing)
    labels = smoothing * possible / possible.sum(axis=1, keepdims=True)
    labels[np.arange(len(numbers)), truth] += 1 - smoothing[:, 0]
    targets = labels + np.where(talk, 0, task.recipe.teacher) * (task.judged[numbers] - labels)
    return np.asarray(targets, np.float32)


def _moments(steps: int, draw: Generator) -> NDArray[np.int64]:
    """The last step, then others from EARLY on."""
    early = min(EARLY, steps) - 1
    return np.concatenate(([steps - 1], draw.integers(early, steps, ANSWERS - 1)))


def _varied(task: Task, copy: int, row: NDArray[np.int64], draw: Generator) -> tuple[Floats, Halves, NDArray[np.int64]]:
    """Cut, slower or faster, a piece missing, a colour of its own, a little noise; and which unit each one was."""
    features, stem = task.inputs.units(copy, row, int(task.recipe.most_s * 100))
    stretch = draw.uniform(0.88, 1.12)
    sources = np.minimum(np.round(np.arange(0, len(features), stretch)).astype(int), len(features) - 1)
    features, stem = features[sources], stem[sources]
    for _ in range(int(draw.integers(0, 3))):
        length = int(draw.integers(1, 13))
        start = int(draw.integers(0, max(1, len(features) - length)))
        features[start : start + length] = 0
        stem[start : start + length] = 0
    features += np.float32(0.15) * np.tile(draw.standard_normal(FEATURES, np.float32), UNIT)
    features += np.float32(0.35) * (draw.random(features.shape, np.float32) - np.float32(0.5))
    return features, stem, sources
