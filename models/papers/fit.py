"""Training as the papers do, Adam and cross-entropy, and judging: accuracy, precision, recall, F1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from edge.inference import Floats
from models.common.metrics import confusion
from models.papers.splits import Rows

Classes = NDArray[np.int64]
Vary = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Outcome:
    """One system on one split."""

    truth: Classes
    guess: Classes
    classes: int
    curve: list[tuple[float, float]] = field(default_factory=list)  # accuracy in training and held out, by epoch

    @property
    def counts(self) -> NDArray[np.int64]:
        return confusion(self.truth, self.guess, self.classes)

    def figures(self) -> dict[str, float]:
        """Accuracy; precision, recall and F1 as the mean over the classes that occur."""
        counts = self.counts
        right, told, there = np.diag(counts), counts.sum(0), counts.sum(1)
        present = there > 0
        precision, recall = right / np.maximum(told, 1), right / np.maximum(there, 1)
        f1 = 2 * right / np.maximum(told + there, 1)
        means = {"precision": precision, "recall": recall, "f1": f1}
        accuracy = float(right.sum() / counts.sum())
        return {"accuracy": accuracy} | {name: float(each[present].mean()) for name, each in means.items()}


def standardised(values: Floats, rows: Rows) -> Floats:
    """By mean and deviation of the rows that are learned from."""
    mean, deviation = values[rows].mean(axis=0), values[rows].std(axis=0)
    return np.asarray((values - mean) / np.maximum(deviation, 1e-6), np.float32)


def trained(
    net: nn.Module, values: Floats, truth: Classes, split: tuple[Rows, Rows], *, epochs: int, batch: int = 64,
    vary: Vary | None = None, path: Path | None = None,
) -> Outcome:  # fmt: skip
    """Fit on one side, judge on the other; the last epoch counts, nothing is chosen by what is held out.

    `vary` changes each batch that is learned from. With `path` each epoch is kept there until the last is done, and a
    run that was interrupted goes on after it.
    """
    learn, held = split
    data, labels = torch.from_numpy(values), torch.from_numpy(truth)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    curve = [] if path is None or not path.is_file() else _resumed(path, net, optimizer)
    for _ in range(len(curve), epochs):
        net.train()
        right = 0
        for rows in torch.from_numpy(learn)[torch.randperm(len(learn))].split(batch):
            logits = net(data[rows] if vary is None else vary(data[rows]))
            loss = functional.cross_entropy(logits, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += int((logits.argmax(1) == labels[rows]).sum())
        judged = answered(net, values[held]).argmax(1)
        curve.append((right / len(learn), float((judged == truth[held]).mean())))
        if path is not None:
            _keep(path, net, optimizer, curve)
    guess = answered(net, values[held]).argmax(1)
    if path is not None:
        path.unlink(missing_ok=True)
    return Outcome(truth[held], guess, int(truth.max()) + 1, curve)


def _keep(path: Path, net: nn.Module, optimizer: torch.optim.Optimizer, curve: list[tuple[float, float]]) -> None:
    told = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "curve": curve}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(told | {"random": torch.get_rng_state()}, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def _resumed(path: Path, net: nn.Module, optimizer: torch.optim.Optimizer) -> list[tuple[float, float]]:
    """Set all as it was after the last epoch that was kept; the curve so far."""
    told = torch.load(path, weights_only=True)
    net.load_state_dict(told["net"])
    optimizer.load_state_dict(told["optimizer"])
    torch.set_rng_state(told["random"])
    return [(learned, judged) for learned, judged in told["curve"]]


@torch.inference_mode()  # type: ignore[untyped-decorator]
def answered(net: Any, values: Floats, *, features: bool = False, maps: bool = False) -> Floats:
    """Logits, or what the last layer sees, or the maps of the last convolution."""
    net.eval()
    ask = net.maps if maps else net.features if features else net
    parts = [ask(part) for part in torch.from_numpy(values).split(256)]
    return np.asarray(torch.cat(parts).numpy(), np.float32)
