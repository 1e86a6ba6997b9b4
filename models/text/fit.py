"""Fitting the network, with a checkpoint after every epoch and a fixed seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.inference import Floats
from models.text.dataset import LESSON, NAMES, SEEN, TALK, WEIGHT, Reals, Task, batches, padded, steps_of
from models.text.network import Network, from_labels
from models.text.recipe import STEPS, Recipe

_RAREST = -4.0  # log-prior below which a label is not pushed when a teacher's answer is followed

Report = Callable[[int, float, Network], None]  # epoch, mean loss, the averaged network so far


@dataclass(frozen=True)
class _Stage:
    path: Path  # of the checkpoint
    epochs: range
    rate: float
    average: float  # of the weights, step by step
    lessons: Floats | None = None  # sentences x LABELS: a teacher's evidence, nan where it has none
    copies: float = 0.0  # how many, for each sentence as it is

    def seen(self, task: Task) -> Reals:
        """How likely each sentence is in an epoch."""
        return task.seen(SEEN if self.lessons is None else LESSON, self.copies)


@dataclass(frozen=True)
class _Known:
    """What is known of each sentence and each corpus, where the network is."""

    truth: torch.Tensor
    corpora: torch.Tensor
    priors: torch.Tensor
    weights: torch.Tensor
    told: torch.Tensor | None

    @classmethod
    def of(cls, task: Task, lessons: Floats | None, device: str) -> _Known:
        told = None if lessons is None else torch.from_numpy(lessons).to(device)
        truth, corpora, priors, weights = (
            torch.from_numpy(one).to(device) for one in (task.truth, task.corpora, task.priors, WEIGHT)
        )
        return cls(truth, corpora, priors, weights, told)


def fit(
    task: Task,
    embeddings: Floats,
    recipe: Recipe,
    seed: int,
    *,
    folder: Path,
    report: Report,
    lessons: Callable[[], Floats],
    device: str = "cpu",
) -> Network:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says.

    First from the labels alone; then `lessons`, evidence of teachers, teach beside them, at last without any copies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = Network(embeddings, len(NAMES), recipe).to(device)
    first = _Stage(folder / "checkpoint.pt", range(recipe.epochs), recipe.rate, 0.998)
    net = _fitted(first, net, task, seed, report)
    if not recipe.lesson_epochs:
        return net
    told, taught = lessons(), recipe.epochs + recipe.lesson_epochs
    epochs = range(recipe.epochs, taught)
    second = _Stage(folder / "lessons.pt", epochs, recipe.lesson_rate, 0.995, told, recipe.copies)
    net = _fitted(second, net, task, seed, report)
    epochs = range(taught, taught + recipe.last_epochs)
    before = copy.deepcopy(net)
    last = _fitted(_Stage(folder / "last.pt", epochs, recipe.last_rate, 0.998, told), net, task, seed, report)
    _follow(before, last, 1 - recipe.last_share)
    return before


def _fitted(stage: _Stage, net: Network, task: Task, seed: int, report: Report) -> Network:
    """The average over `net` as it learns; `net` itself where the stage has no epoch."""
    if not stage.epochs:
        return net
    average, recipe, device = copy.deepcopy(net), net.recipe, str(net.embedding.device)
    kept = torch.load(stage.path, weights_only=True, map_location=device) if stage.path.exists() else None
    if kept and kept["done"] == stage.epochs.stop:
        average.load_state_dict(kept["average"])
        average.eval()
        return average
    optimizer = torch.optim.AdamW(_groups(net, recipe, stage.rate), lr=stage.rate, weight_decay=recipe.weight_decay)
    seen = stage.seen(task)
    known = _Known.of(task, stage.lessons, device)
    steps = len(stage.epochs) * (steps_of(recipe, seen) + 8)
    highest = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, highest, steps, pct_start=0.1)
    done = stage.epochs.start
    if kept:
        for part, name in ((net, "net"), (average, "average"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(kept[name])
        done = kept["done"]
    for number in range(done, stage.epochs.stop):
        net.train()
        torch.manual_seed(1000 * seed + number)
        losses = []
        for rows, ids in batches(task, recipe, np.random.default_rng((seed, number)), seen):
            loss = _loss(net, known, torch.from_numpy(rows).to(device), torch.from_numpy(ids).to(device))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            _follow(average, net, stage.average)
            losses.append(loss.detach())
        every = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
        torch.save({name: part.state_dict() for name, part in every.items()} | {"done": number + 1}, stage.path)
        average.eval()
        report(number + 1, float(torch.stack(losses).mean()), average)
    average.eval()
    return average


def _groups(net: Network, recipe: Recipe, rate: float) -> list[dict[str, object]]:
    own = [net.own, net.own_bias]
    apart = {id(part) for part in (*own, net.embedding)}
    return [
        {"params": [part for part in net.parameters() if id(part) not in apart]},
        {"params": [net.embedding], "lr": rate * recipe.embedding_rate, "weight_decay": 0.0},
        {"params": own, "weight_decay": recipe.own},
    ]


def _loss(net: Network, known: _Known, rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    corpora = known.corpora[rows]
    prior, truth, counts = known.priors[corpora], known.truth[rows], known.weights[corpora]
    shared, own, spoken = net.taught(ids, corpora, NAMES.index(TALK))
    loss = from_labels((shared, own), truth, prior, net.recipe.smoothing)
    if known.told is not None:
        told = known.told[rows]
        followed = _followed(spoken, told.nan_to_num(), prior)
        labels = from_labels((spoken,), truth, prior, net.recipe.smoothing)  # where the teacher has no answer
        loss = torch.lerp(loss, torch.where(told.isnan().any(1), labels, followed), net.recipe.lesson)
    return (loss * counts).sum() / counts.sum()


def _followed(logits: torch.Tensor, told: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """How far an answer is from the teacher's, where labels are half as unevenly common as in the corpus."""
    half = prior.clamp(min=_RAREST) / 2
    target = functional.softmax(told + half, dim=1)
    return functional.kl_div(functional.log_softmax(logits + half, dim=1), target, reduction="none").sum(1)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _follow(average: Network, net: Network, share: float) -> None:
    """`share` stays as it was."""
    for ours, theirs in zip(average.parameters(), net.parameters(), strict=True):
        ours.lerp_(theirs, 1 - share)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def logits_of(net: Network, ids: Sequence[NDArray[np.int32]], corpus: int | None = None) -> Floats:
    """Of each sentence, seen as the shipped file sees it; of one corpus with what it has of its own."""
    order = np.argsort([len(one) for one in ids], kind="stable")
    result = np.zeros((len(ids), net.shared.out_features), np.float32)
    net.eval()
    for at in range(0, len(order), 256):
        rows = order[at : at + 256]
        numbers = torch.from_numpy(padded([ids[row] for row in rows], STEPS)).to(net.embedding.device)
        if corpus is None:
            result[rows] = net(numbers).cpu().numpy()
        else:
            asked = torch.full((len(rows),), corpus, device=numbers.device)
            result[rows] = net.taught(numbers, asked, corpus)[1].cpu().numpy()
    return result
