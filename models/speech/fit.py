"""Fitting one network to chosen clips, with a checkpoint every few epochs and a fixed seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from models.common.weights import averaged
from models.speech.dataset import ANSWERS, FAR, Batch, Task, epoch, times
from models.speech.network import Network
from models.speech.recipe import Recipe
from models.speech.whisper import Convolutions

_AVERAGE = 0.995  # of the weights, step by step
_KEPT_EVERY = 5  # epochs that an interruption may cost
_MOMENTS = torch.tensor([0.5] + [0.5 / (ANSWERS - 1)] * (ANSWERS - 1))  # how much each answer counts

Report = Callable[[int, float, float], None]  # epoch, mean loss of the answers, and of the hints
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Stretch:
    """A part of training, with one rise and fall of the rate."""

    name: str
    start: int  # epochs before it, which draw other batches
    epochs: int
    rate: float


@dataclass(frozen=True, eq=False)
class Fitting:
    """What is fitted to which clips, and where it is kept."""

    task: Task
    stem: Convolutions
    chosen: list[int]
    seed: int
    folder: Path
    report: Report

    def network(self) -> Network:
        """One long training and short ones from where it ended; the mean of all their weights. Goes on where it was.

        Networks that began alike lie in one valley, and strangers are heard better from its middle than from its sides.
        """
        recipe = self.task.recipe
        first = self._weights(Stretch("first", 0, recipe.epochs, recipe.rate))
        branches = [
            Stretch(f"branch{n}", recipe.epochs + n * recipe.branch_epochs, recipe.branch_epochs, recipe.branch_rate)
            for n in range(recipe.branches)
        ]
        every = [first, *(self._weights(branch, first) for branch in branches)]
        mean = averaged([_loaded(recipe, weights) for weights in every])
        weights = {name: _kept(values) for name, values in mean.state_dict().items()}
        torch.save(weights, self.folder / "network.pt")
        return _loaded(recipe, weights)

    def _weights(self, stretch: Stretch, begin: Weights | None = None) -> Weights:
        """The weights at its end, averaged over its last steps."""
        folder, device = self.folder / stretch.name, self.task.inputs.shelf.device
        folder.mkdir(parents=True, exist_ok=True)
        ready, path = folder / "network.pt", folder / "checkpoint.pt"
        if ready.exists():
            found: Weights = torch.load(ready, weights_only=True)
            return found
        net = self._begun(begin).to(device)
        average = copy.deepcopy(net)
        decay, fused = self.task.recipe.weight_decay, device.type != "cpu"
        stem = list(net.stem.parameters())
        parts = [[one for name, one in net.named_parameters() if not name.startswith("stem.")], stem]
        rates = [stretch.rate, stretch.rate * self.task.recipe.stem_rate]
        optimizer = torch.optim.AdamW([{"params": part} for part in parts], weight_decay=decay, fused=fused)
        steps = stretch.epochs * _batches(self.task, self.chosen)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, steps, pct_start=0.1)
        every = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
        done = 0
        if path.exists():
            kept = torch.load(path, weights_only=True)
            for name, part in every.items():
                part.load_state_dict(kept[name])
            done = kept["done"]
        for number in range(stretch.start + done, stretch.start + stretch.epochs):
            losses = self._epoch(number, net, average, optimizer, schedule)
            done += 1
            if done % _KEPT_EVERY == 0:
                torch.save({name: part.state_dict() for name, part in every.items()} | {"done": done}, path)
            self.report(number + 1, *losses)
        weights = {name: _kept(values) for name, values in average.state_dict().items()}
        torch.save(weights, ready)
        path.unlink(missing_ok=True)
        return weights

    def _begun(self, begin: Weights | None) -> Network:
        """A network with these weights, or with random ones."""
        torch.manual_seed(self.seed)
        task = self.task
        net = Network(len(task.corpora), task.recipe, task.hints.thoughts.shape[1], task.hints.views.shape[1])
        net.stem.begin_as(self.stem)
        if begin is not None:
            net.load_state_dict(begin)
        return net

    def _epoch(
        self,
        number: int,
        net: Network,
        average: Network,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler,
    ) -> list[float]:
        """Mean loss of the answers, and of the hints."""
        net.train()
        torch.manual_seed(1000 * self.seed + number)
        losses = []
        for batch in epoch(self.task, self.chosen, np.random.default_rng((self.seed, number))):
            loss, answers, hints = _loss(net, batch, self.task)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            _follow(average, net)
            losses.append(torch.stack((answers, hints)))
        means: list[float] = torch.stack(losses).mean(dim=0).tolist()
        return means


def _kept(values: torch.Tensor) -> torch.Tensor:
    """Half precision is more than int8 can tell apart; what is normalised by keeps its own."""
    return values.half().cpu() if values.ndim > 1 else values.cpu()


def _batches(task: Task, chosen: list[int]) -> int:
    """At least as many as an epoch has: what all chosen clips, as often as they are taken, would fill."""
    wanted = {n: times(task.clips[n], task.recipe) for n in chosen}
    return int(sum(wanted.get(int(row[0]), 0.0) for row in task.inputs.shelf.rows[0])) // task.recipe.batch + 3


def _loss(net: Network, batch: Batch, task: Task) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    recipe = task.recipe
    told = (torch.rand(len(batch.corpora), device=batch.corpora.device) < recipe.told).float()
    logits, views, thoughts = net.taught(batch.heard, batch.asked, batch.corpora, told)
    likely = functional.log_softmax(told_apart(logits, batch.masks[:, None]), dim=2)
    moments = _MOMENTS.to(logits.device)
    each = -(batch.targets[:, None] * likely).sum(2)
    answers = (each * moments).sum(1).mean()
    heard = torch.arange(thoughts.shape[1], device=logits.device)[None] < batch.steps[:, None]
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


def _loaded(recipe: Recipe, weights: Weights) -> Network:
    net = Network(len(weights["own"]), recipe, len(weights["thought.bias"]), len(weights["view.bias"]))
    net.load_state_dict(weights)
    net.eval()
    return net
