"""Fitting one network to chosen clips, with a checkpoint every few epochs and a fixed seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.speech.pooling import Sums
from models.speech.corpora import TALK, Clip
from models.speech.dataset import ANSWERS, FAR, Batch, Task, epoch, times
from models.speech.head import Known
from models.speech.network import Network
from models.speech.recipe import EARLY, FRAMES, Recipe
from models.speech.shelf import Inputs

_AT_ONCE = 128
_AVERAGE = 0.995  # of the weights, step by step
_KEPT_EVERY = 5  # epochs that an interruption may cost
_MOMENTS = torch.tensor([0.5] + [0.5 / (ANSWERS - 1)] * (ANSWERS - 1))  # how much each answer counts
LONGEST = 800  # frames of a segment
EARLY_FRAMES = 96  # of each segment after which an early answer must be right, too

Report = Callable[[int, float, float], None]  # epoch, mean loss of the answers, and of the hints


def fit(task: Task, chosen: list[int], seed: int, folder: Path, report: Report) -> Network:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says."""
    recipe, device = task.recipe, task.inputs.shelf.device
    torch.manual_seed(seed)
    net = Network(len(task.corpora), recipe, task.hints.thoughts.shape[1], task.hints.views.shape[1]).to(device)
    average = copy.deepcopy(net)
    fused = device.type != "cpu"
    optimizer = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.weight_decay, fused=fused)
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
            losses.append(torch.stack((answers, hints)))
        if number % _KEPT_EVERY == _KEPT_EVERY - 1:
            every = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
            torch.save({name: part.state_dict() for name, part in every.items()} | {"done": number + 1}, path)
        report(number + 1, *torch.stack(losses).mean(dim=0).tolist())
    weights = {name: _kept(values) for name, values in average.state_dict().items()}
    torch.save(weights, folder / "network.pt")
    return _loaded(recipe, weights)


def _kept(values: torch.Tensor) -> torch.Tensor:
    """Half precision is more than int8 can tell apart; what is normalised by keeps its own."""
    return values.half().cpu() if values.ndim > 1 else values.cpu()


def _batches(task: Task, chosen: list[int]) -> int:
    """At least as many as an epoch has: what all chosen clips, as often as they are taken, would fill."""
    wanted = {n: times(task.clips[n], task.recipe) for n in chosen}
    return int(sum(wanted.get(int(row[0]), 0.0) for row in task.inputs.shelf.rows[0])) // task.recipe.batch + 3


def _loss(net: Network, batch: Batch, task: Task) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    recipe = task.recipe
    features, stem = (part.bfloat16() if part.device.type == "cpu" else part for part in (batch.features, batch.stem))
    told = (torch.rand(len(batch.corpora), device=features.device) < recipe.told).float()
    logits, views, thoughts = net.taught(features, stem, batch.asked, batch.corpora, told)
    likely = functional.log_softmax(told_apart(logits, batch.masks[:, None]), dim=2)
    moments = _MOMENTS.to(features.device)
    each = -(batch.targets[:, None] * likely).sum(2)
    answers = (each * moments).sum(1).mean()
    heard = torch.arange(thoughts.shape[1], device=features.device)[None] < batch.steps[:, None]
    thought = ((thoughts - batch.thoughts) ** 2).mean(2)
    view = ((views - batch.views) ** 2).mean(2)
    hints = recipe.thought * (thought * heard).sum() / heard.sum() + recipe.view * (view * moments).sum(1).mean()
    return recipe.answer * answers + hints, answers.detach(), hints.detach()


def told_apart(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Without the classes that a corpus does not have; where calm is one of them, neutral stands for both."""
    neutral, calm = logits[..., :1], logits[..., -1:]
    both = torch.where(masks[..., -1:] < 0, torch.logaddexp(neutral, calm), neutral)
    return (torch.cat((both, logits[..., 1:]), dim=-1) + masks).clamp(min=FAR)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _follow(average: Network, net: Network) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - _AVERAGE)
    for mine, other in zip(average.buffers(), net.buffers(), strict=True):
        mine.copy_(other)


def fitted(recipe: Recipe, folder: Path) -> Network | None:
    """The network in `folder`, if its training is over."""
    path = folder / "network.pt"
    return _loaded(recipe, torch.load(path, weights_only=True)) if path.exists() else None


def _loaded(recipe: Recipe, weights: dict[str, Any]) -> Network:
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
    for number in range(len(inputs.shelf.rows)):
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
    rows = [
        row
        for row in inputs.shelf.rows[number]
        if int(row[0]) in wanted and (int(row[0]) not in apart or row[2] >= FRAMES * EARLY)  # else too short to ask
    ]
    rows.sort(key=lambda row: int(row[2]))
    listener = net.to(inputs.shelf.device)
    sums: dict[tuple[int, int], Sums] = {}
    for start in range(0, len(rows), _AT_ONCE):
        some = np.stack(rows[start : start + _AT_ONCE])
        for row, one in zip(some, _sums(listener, inputs, some, most), strict=True):
            clip = int(row[0])
            whose = clip, int(row[1]) if clip in apart else 0
            sums[whose] = sums[whose] + one if whose in sums else one
    order = sorted(sums)
    return [sums[whose] for whose in order], [clip for clip, _ in order]


def _sums(net: Network, inputs: Inputs, rows: NDArray[np.int64], most: int) -> list[Sums]:
    """Of each row's states within `most` frames."""
    features, stem = inputs.whole(rows, most)
    states, weights = net(features, stem.float())
    steps = torch.from_numpy(np.minimum(rows[:, 2], most) // FRAMES).to(states.device)
    counted = weights.double() * (torch.arange(states.shape[1], device=states.device)[None] < steps[:, None])[..., None]
    weighted = counted * states
    parts = (counted.sum(dim=(1, 2)), weighted.sum(dim=1), (weighted * states).sum(dim=1))
    total, first, second = (part.cpu().numpy() for part in parts)
    return [Sums(float(one), *both) for one, *both in zip(total, first, second, strict=True)]
