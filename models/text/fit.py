"""Fitting the network, with a checkpoint after every epoch and a fixed seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.inference import Floats
from models.text.corpora import CORPORA
from models.text.dataset import NAMES, Task, batches, padded, steps_of
from models.text.network import Network
from models.text.recipe import STEPS, Recipe

_AVERAGE = 0.998  # of the weights, step by step

Report = Callable[[int, float, Network], None]  # epoch, mean loss, the averaged network so far


def fit(task: Task, embeddings: Floats, recipe: Recipe, seed: int, *, folder: Path, report: Report) -> Network:
    """The fitted network, its weights averaged over the last part of training. Goes on where `folder` says."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = Network(embeddings, len(NAMES), recipe)
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(_groups(net, recipe), lr=recipe.rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * (steps_of(task, recipe) + 8)
    highest = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, highest, steps, pct_start=0.1)
    done, path = 0, folder / "checkpoint.pt"
    if path.exists():
        kept = torch.load(path, weights_only=True)
        for part, name in ((net, "net"), (average, "average"), (optimizer, "optimizer"), (schedule, "schedule")):
            part.load_state_dict(kept[name])
        done = kept["done"]
    weights = torch.tensor([CORPORA[name].weight for name in NAMES])
    for number in range(done, recipe.epochs):
        net.train()
        torch.manual_seed(1000 * seed + number)
        losses = []
        for rows, ids in batches(task, recipe, np.random.default_rng((seed, number))):
            loss = _loss(net, task, rows, torch.from_numpy(ids), weights)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            _follow(average, net)
            losses.append(float(loss.detach()))
        every = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
        torch.save({name: part.state_dict() for name, part in every.items()} | {"done": number + 1}, path)
        average.eval()
        report(number + 1, float(np.mean(losses)), average)
    average.eval()
    return average


def _groups(net: Network, recipe: Recipe) -> list[dict[str, object]]:
    own = [net.own, net.own_bias]
    apart = {id(part) for part in (*own, net.embedding)}
    return [
        {"params": [part for part in net.parameters() if id(part) not in apart]},
        {"params": [net.embedding], "lr": recipe.rate * recipe.embedding_rate, "weight_decay": 0.0},
        {"params": own, "weight_decay": recipe.own},
    ]


def _loss(net: Network, task: Task, rows: NDArray[np.int64], ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    corpora = torch.from_numpy(task.corpora[rows])
    prior = torch.from_numpy(task.priors)[corpora]
    shared, own = net.taught(ids, corpora)
    truth = torch.from_numpy(task.truth[rows])
    counts = weights[corpora]
    losses = [_one_of(logits + prior, truth, prior, net.recipe) for logits in (shared, own)]
    loss = (losses[0] + losses[1]) / 2
    return (loss * counts).sum() / counts.sum()


def _one_of(logits: torch.Tensor, truth: torch.Tensor, prior: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """-log p(one of the true labels), with some of the weight spread over all that the corpus has."""
    likely = functional.log_softmax(logits, dim=1)
    right = -torch.logsumexp(likely.masked_fill(~truth, -1e4), dim=1)
    known = prior > -10
    spread = -(likely * known).sum(1) / known.sum(1)
    return (1 - recipe.smoothing) * right + recipe.smoothing * spread


@torch.no_grad()  # type: ignore[untyped-decorator]
def _follow(average: Network, net: Network) -> None:
    for ours, theirs in zip(average.parameters(), net.parameters(), strict=True):
        ours.lerp_(theirs, 1 - _AVERAGE)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def logits_of(net: Network, ids: Sequence[NDArray[np.int32]], corpus: int | None = None) -> Floats:
    """Of each sentence, seen as the shipped file sees it; of one corpus with what it has of its own."""
    order = np.argsort([len(one) for one in ids], kind="stable")
    result = np.zeros((len(ids), net.shared.out_features), np.float32)
    net.eval()
    for at in range(0, len(order), 256):
        rows = order[at : at + 256]
        numbers = torch.from_numpy(padded([ids[row] for row in rows], STEPS))
        if corpus is None:
            result[rows] = net(numbers).numpy()
        else:
            result[rows] = net.taught(numbers, torch.full((len(rows),), corpus))[1].numpy()
    return result
