"""One run of training that can stop and go on: network, optimiser, averaged weights, checkpoint, history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.common.rates import slope
from models.face.lessons import Batch

Floats = NDArray[np.float32]
_AVERAGING = 0.998  # per step, for the weights that are shipped
_CLIP = 2.0  # the longest gradient


class Run:
    """State of the training of one network in `folder`."""

    def __init__(
        self,
        folder: Path,
        network: Any,
        *,
        rates: Mapping[str, float],
        decay: float,
        steps: int,
        seed: int,
        resume: bool,
    ) -> None:
        """`rates` are the highest learning rates of "trunk" and "head"; `decay` is that of weights; `steps` a round."""
        folder.mkdir(parents=True, exist_ok=True)
        self._seed = seed
        self._checkpoint, self._history_file = folder / "checkpoint.pt", folder / "history.json"
        self._steps, self._step = steps, 0
        self.history: list[dict[str, float]] = []
        self._network = network
        self._device = device_of(network)
        self.average = deepcopy(network).eval()
        self._optimizer = torch.optim.AdamW(_groups(network, rates, decay))
        if resume and self._checkpoint.is_file():
            state = torch.load(self._checkpoint, map_location=self._device, weights_only=True)
            self._step = state["step"]
            self._network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.history = json.loads(self._history_file.read_text())[: state["epoch"]]

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def train(self, batches: Iterable[Batch]) -> float:
        """One epoch; the mean loss."""
        torch.manual_seed(self._seed * 1000 + self.epoch)  # dropout too is the same after a resume
        self._network.train()
        return float(torch.stack([self._learn(batch) for batch in batches]).mean())

    def keep(self, record: dict[str, float]) -> None:
        """An epoch is done: remember what came out and where we are."""
        self.history.append(record)
        self._history_file.write_text(json.dumps(self.history, indent=1))
        parts = {"network": self._network, "average": self.average, "optimizer": self._optimizer}
        states = {name: part.state_dict() for name, part in parts.items()}
        fresh = self._checkpoint.with_suffix(".new")
        torch.save({"step": self._step, "epoch": self.epoch, **states}, fresh)
        fresh.replace(self._checkpoint)

    def _learn(self, batch: Batch) -> Any:
        logits = self._network(batch.pictures) + batch.prior
        losses = functional.cross_entropy(logits, batch.wanted, reduction="none")
        loss = (losses * batch.weight).sum() / batch.weight.sum()
        loss.backward()
        self._apply()
        return loss.detach()

    def _apply(self) -> None:
        """One step from the gradients that are there, and the average follows."""
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), _CLIP)
        for group in self._optimizer.param_groups:
            group["lr"] = group["highest"] * slope(self._step, self._steps)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        # Few steps must not leave the average at its random beginning, so it is quick at first.
        new = 1 - min(_AVERAGING, (1 + self._step) / (10 + self._step))
        kept, now = self.average.state_dict(), self._network.state_dict()
        names = [name for name, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_([kept[name] for name in names], [now[name] for name in names], new)
        self._step += 1


def both_ways(network: Any, pictures: Any) -> Floats:
    """The mean of the logits for pictures and for their mirror images: a face means the same both ways."""
    pictures = pictures.to(device_of(network))
    with torch.inference_mode():
        said = (network(pictures) + network(pictures.flip(3))) / 2
    return np.asarray(said.cpu().numpy(), np.float32)


def device_of(network: Any) -> Any:
    """Where its weights are."""
    return next(network.parameters()).device


def _groups(network: Any, rates: Mapping[str, float], decay: float) -> list[dict[str, Any]]:
    """Kernels decay; norms and biases do not."""
    groups = []
    for part, rate in rates.items():
        learning = [p for p in getattr(network, part).parameters() if p.requires_grad]
        for chosen, each in (([p for p in learning if p.ndim > 1], decay), ([p for p in learning if p.ndim <= 1], 0.0)):
            groups.append({"params": chosen, "weight_decay": each, "highest": rate, "lr": rate})
    return groups
