"""Fitting one network to chosen clips, with a checkpoint after every epoch and a fixed seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.inference import Floats
from edge.speech.pooling import Sums
from models.speech.corpora import TALK, Clip
from models.speech.dataset import ANSWERS, FAR, Batch, Halves, Inputs, Task, epoch, times
from models.speech.head import Known
from models.speech.network import Network
from models.speech.recipe import EARLY, FRAMES, UNIT, Recipe

_AT_ONCE = 96
_AVERAGE = 0.995  # of the weights, step by step
_MOMENTS = torch.tensor([0.5] + [0.5 / (ANSWERS - 1)] * (ANSWERS - 1))  # how much each answer counts
LONGEST = 800  # frames of a segment
EARLY_FRAMES = 96  # of each segment after which an early answer must be right, too

Report = Callable[[int, float, float], None]  # epoch, mean loss of the answers, and of the hints


def fit(task: Task, chosen: list[int], seed: int, folder: Path, report: Report) -> Network:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says."""
    recipe = task.recipe
    torch.manual_seed(seed)
    net = Network(len(task.corpora), recipe, task.hints.thoughts[0].shape[1], task.hints.views[0].shape[1])
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * _batches(task, chosen)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.1)
    done, path = 0, folder / "checkpoint.pt"
    if path.exists():
        kept = torch.load(path, weights_only=True)
        for part, name in ((net, "net"), (average, "average"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(kept[name])
        done = kept["done"]
    for number in range(done, recipe.epochs):
        net.train()
        torch.manual_seed(1000 * seed + number)
        losses = []
        for batch in epoch(task, chosen, np.random.default_rng((seed, number))):
            loss, answers, hints = _loss(net, batch, task)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            _follow(average, net)
            losses.append((answers, hints))
        every = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
        torch.save({name: part.state_dict() for name, part in every.items()} | {"done": number + 1}, path)
        report(number + 1, *np.mean(losses, axis=0))
    average.eval()
    return average


def _batches(task: Task, chosen: list[int]) -> int:
    """About how many an epoch has: as many as all chosen clips, as often as they are taken, would fill."""
    wanted = {n: times(task.clips[n], task.recipe) for n in chosen}
    return int(sum(wanted.get(int(row[0]), 0.0) for row in task.inputs.copies[0].rows)) // task.recipe.batch + 3


def _loss(net: Network, batch: Batch, task: Task) -> tuple[torch.Tensor, float, float]:
    recipe = task.recipe
    features, stem, masks = (torch.from_numpy(part) for part in (batch.features, batch.stem, batch.masks))
    features, stem = features.bfloat16(), stem.bfloat16()
    asked, corpora = torch.from_numpy(batch.asked), torch.from_numpy(batch.corpora)
    told = (torch.rand(len(corpora)) < recipe.told).float()
    logits, views, thoughts = net.taught(features, stem, asked, corpora, told)
    likely = functional.log_softmax(told_apart(logits, masks[:, None]), dim=2)
    each = -(torch.from_numpy(batch.targets)[:, None] * likely).sum(2)
    answers = (each * _MOMENTS).sum(1).mean()
    heard = torch.arange(thoughts.shape[1])[None] < torch.from_numpy(batch.steps)[:, None]
    thought = ((thoughts - torch.from_numpy(batch.thoughts)) ** 2).mean(2)
    view = ((views - torch.from_numpy(batch.views)) ** 2).mean(2)
    hints = recipe.thought * (thought * heard).sum() / heard.sum() + recipe.view * (view * _MOMENTS).sum(1).mean()
    return recipe.answer * answers + hints, float(answers.detach()), float(hints.detach())


def told_apart(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Without the classes that a corpus does not have; where calm is one of them, neutral stands for both."""
    neutral, calm = logits[..., :1], logits[..., -1:]
    both = torch.where(masks[..., -1:] < 0, torch.logaddexp(neutral, calm), neutral)
    return (torch.cat((both, logits[..., 1:]), dim=-1) + masks).clamp(min=FAR)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _follow(average: Network, net: Network) -> None:
    for ours, theirs in zip(average.parameters(), net.parameters(), strict=True):
        ours.lerp_(theirs, 1 - _AVERAGE)
    for mine, other in zip(average.buffers(), net.buffers(), strict=True):
        mine.copy_(other)


def fitted(recipe: Recipe, folder: Path) -> Network | None:
    """The network in `folder`, if its training is over."""
    path = folder / "checkpoint.pt"
    kept: dict[str, Any] = torch.load(path, weights_only=True) if path.exists() else {"done": 0}
    if kept["done"] < recipe.epochs:
        return None
    weights = kept["average"]
    net = Network(len(weights["own"]), recipe, len(weights["thought.bias"]), len(weights["view.bias"]))
    net.load_state_dict(weights)
    net.eval()
    return net


def statistics_of(net: Network, inputs: Inputs, clips: list[Clip], chosen: list[int], most: int = LONGEST) -> Known:
    """Statistics of the states over all segments of a clip, for every copy of the chosen clips; copy by copy.

    Of talk, over each segment by itself: half a minute of it is many answers.
    """
    parts, whose = [], []
    apart = {n for n in chosen if clips[n].corpus == TALK}
    for number in range(len(inputs.copies)):
        sums, order = clip_sums(net, inputs, number, chosen, most, apart=apart)
        parts += [one.statistics() for one in sums]
        whose += [clips[n] for n in order]
    return Known(np.stack(parts), whose)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def clip_sums(
    net: Network,
    inputs: Inputs,
    number: int,
    chosen: list[int],
    most: int = LONGEST,
    *,
    apart: Set[int] = frozenset(),
) -> tuple[list[Sums], list[int]]:
    """Of the states over all segments of a clip, and of which clip, in that order; each segment of those in `apart`."""
    wanted = set(chosen)
    rows = sorted((row for row in inputs.copies[number].rows if int(row[0]) in wanted), key=lambda row: int(row[2]))
    sums: dict[tuple[int, int], Sums] = {}
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        states, weights, steps = _states(net, [inputs.units(number, row, most) for row in some])
        for place, (row, count) in enumerate(zip(some, steps, strict=True)):
            clip = int(row[0])
            if clip in apart and row[2] < FRAMES * EARLY:
                continue  # too short to be asked about
            whose = clip, int(row[1]) if clip in apart else 0
            before = sums.get(whose, Sums.nothing(states.shape[2]))
            sums[whose] = before.with_states(states[place, :count], weights[place, :count])
    order = sorted(sums)
    return [sums[whose] for whose in order], [clip for clip, _ in order]


def _states(net: Network, parts: list[tuple[Floats, Halves]]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    longest = max(len(features) for features, _ in parts)
    features = np.zeros((len(parts), longest, parts[0][0].shape[1]), np.float32)
    stem = np.zeros((len(parts), longest, parts[0][1].shape[1]), np.float16)
    for number, (own, described) in enumerate(parts):
        features[number, : len(own)], stem[number, : len(own)] = own, described
    states, weights = net(torch.from_numpy(features), torch.from_numpy(stem).float())
    steps = np.array([len(own) * UNIT // FRAMES for own, _ in parts])
    return states.numpy(), weights.numpy(), steps
