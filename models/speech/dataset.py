"""From cached features to batches: which copy of which segment, cut, stretched, disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.classifier import CALM, CLASSES
from edge.speech.features import FEATURES, PRIOR_FRAMES, standardised
from edge.speech.spectrum import MELS
from models.speech.corpora import MISSING, UNLABELLED, Clip
from models.speech.recipe import FRAMES, Recipe

if TYPE_CHECKING:
    from models.speech.hints import Hints

_EARLY = 60 // FRAMES  # LSTM steps (0.6 s) before an answer is asked for
FAR = -1e4  # added to the logit of a class that the corpus does not have


@dataclass(frozen=True)
class Front:
    """What makes frames comparable, learned from training speakers alone; the service does the same."""

    cepstral_mean: Floats
    mean: Floats
    deviation: Floats


@dataclass(frozen=True)
class Copies:
    """All segments of all clips, in several versions; version 0 is as recorded."""

    frames: list[NDArray[np.float16]]
    rows: list[NDArray[np.int64]]  # clip, first frame, frames
    cepstral_mean: Floats  # that the frames were extracted with
    front: Front

    def segments(self, copy: int, clips: set[int]) -> list[NDArray[np.int64]]:
        return [row for row in self.rows[copy] if int(row[0]) in clips]

    def plain(self, copy: int, row: NDArray[np.int64], most: int) -> Floats:
        """As extraction with the front's own prior mean would give them."""
        part = self.frames[copy][row[1] : row[1] + min(int(row[2]), most)].astype(np.float32)
        share = PRIOR_FRAMES / (PRIOR_FRAMES + 1 + np.arange(len(part), dtype=np.float32))
        part[:, 1:MELS] -= share[:, None] * (self.front.cepstral_mean - self.cepstral_mean)
        return part

    def features(self, copy: int, row: NDArray[np.int64], most: int) -> Floats:
        """As the model takes them."""
        return standardised(self.plain(copy, row, most), self.front.mean, self.front.deviation)


def fronted(copies: Copies, chosen: set[int], cepstral_mean: Floats) -> Copies:
    """With mean and deviation per feature of the chosen clips as recorded."""
    flat = replace(copies, front=replace(copies.front, cepstral_mean=cepstral_mean))
    some = np.concatenate([flat.plain(0, row, 400) for row in flat.segments(0, chosen)[::3]])
    return replace(flat, front=Front(cepstral_mean, some.mean(axis=0), some.std(axis=0) + np.float32(1e-3)))


@dataclass(frozen=True)
class Task:
    """What is to be learned, from what, and how."""

    copies: Copies
    clips: list[Clip]
    judged: NDArray[np.float64]  # (clips, CLASSES): what the teacher makes of each
    hints: Hints
    recipe: Recipe


@dataclass(frozen=True)
class Batch:
    features: Floats  # (items, frames, FEATURES)
    targets: Floats  # (items, CLASSES), smoothed
    masks: Floats  # (items, CLASSES), FAR where the corpus lacks the class
    weights: Floats  # (items, steps) how much the answer at each step counts; a row sums to one, or to none
    thoughts: Floats  # (items, steps, ...) what the teacher has in mind at each step
    views: Floats  # (items, steps, ...) its description of what came so far
    heard: Floats  # (items, steps) how much thought and view count; as `weights`, also where there is no label


def class_index(clip: Clip, classes: tuple[str, ...]) -> int:
    return classes.index(clip.emotion if clip.emotion in classes else "neutral")


def mask_of(clip: Clip) -> Floats:
    """By CLASSES: FAR for those that the clip's corpus does not have, 0 elsewhere."""
    missing = MISSING[clip.corpus] + ((CALM,) if clip.corpus != "ravdess" else ())
    return np.array([FAR if label in missing else 0.0 for label in CLASSES], np.float32)


def epoch(task: Task, chosen: list[int], draw: Generator) -> Iterator[Batch]:
    """One pass over the chosen clips, RAVDESS whole, each in one version; batches of like lengths, in random order."""
    copies, recipe = task.copies, task.recipe
    shares = {"ravdess": 1.0, UNLABELLED: recipe.voices_share}
    chosen = [n for n in chosen if draw.random() < shares.get(task.clips[n].corpus, recipe.others_share)]
    version = {n: 0 if draw.random() < recipe.clean_share else int(draw.integers(1, len(copies.rows))) for n in chosen}
    items = []
    for copy in range(len(copies.rows)):
        mine = {n for n in chosen if version[n] == copy}
        items += [(copy, row) for row in copies.segments(copy, mine) if row[2] >= FRAMES * _EARLY]
    items.sort(key=lambda item: int(item[1][2]) + int(draw.integers(0, 40)))
    groups = [items[start : start + recipe.batch] for start in range(0, len(items), recipe.batch)]
    for index in draw.permutation(len(groups)):
        yield _batch(task, groups[int(index)], draw)


def _batch(task: Task, items: list[tuple[int, NDArray[np.int64]]], draw: Generator) -> Batch:
    clips, recipe = task.clips, task.recipe
    most = int(recipe.most_s * 100)
    both = [disturbed(task.copies.features(copy, row, most), draw) for copy, row in items]
    parts, sources = [one[0] for one in both], [one[1] for one in both]
    longest = -(-max(len(part) for part in parts) // 40) * 40  # few different shapes
    features = np.zeros((len(parts), longest, FEATURES), np.float32)
    targets = np.full((len(parts), len(CLASSES)), recipe.smoothing / len(CLASSES), np.float32)
    masks = np.zeros((len(parts), len(CLASSES)), np.float32)
    weights = np.zeros((len(parts), longest // FRAMES), np.float32)
    heard = np.zeros((len(parts), longest // FRAMES), np.float32)
    thoughts = np.zeros((len(parts), longest // FRAMES, task.hints.thoughts[0].shape[1]), np.float32)
    views = np.zeros((len(parts), longest // FRAMES, task.hints.views[0].shape[1]), np.float32)
    for number, (part, (copy, row)) in enumerate(zip(parts, items, strict=True)):
        clip = clips[int(row[0])]
        features[number, : len(part)] = part
        masks[number] = mask_of(clip)
        targets[number] *= masks[number] == 0
        targets[number, class_index(clip, CLASSES)] += 1 - targets[number].sum()
        targets[number] += recipe.teacher * (task.judged[int(row[0])] - targets[number])
        heard[number] = answer_weights(len(part) // FRAMES, longest // FRAMES)
        weights[number] = heard[number] * (clip.corpus != UNLABELLED)
        steps = sources[number][FRAMES - 1 :: FRAMES] // FRAMES
        thoughts[number, : len(steps)], views[number, : len(steps)] = task.hints.at(copy, row, steps)
    return Batch(features, targets, masks, weights, thoughts, views, heard)


def answer_weights(steps: int, longest: int) -> Floats:
    """Half for the last answer, half spread over those from 0.6 s on."""
    weights = np.zeros(longest, np.float32)
    early = min(_EARLY, steps - 1)
    weights[early:steps] = 0.5 / (steps - early)
    weights[steps - 1] += 0.5
    return weights


def disturbed(features: Floats, draw: Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Slower or faster, a piece missing, a colour of its own, a little noise; and which frame each one was."""
    stretch = draw.uniform(0.88, 1.12)
    at = np.minimum(np.round(np.arange(0, len(features), stretch)).astype(int), len(features) - 1)
    features = features[at]
    for _ in range(int(draw.integers(0, 3))):
        length = int(draw.integers(1, 25))
        start = int(draw.integers(0, max(1, len(features) - length)))
        features[start : start + length] = 0
    colour = np.float32(0.15) * draw.standard_normal(FEATURES, np.float32)
    noisy: Floats = features + colour + np.float32(0.1) * draw.standard_normal(features.shape, np.float32)
    return noisy, at
