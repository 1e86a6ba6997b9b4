"""Runs of training that can stop and go on.

First the student learns from the labels alone. Then a teacher does; half-way the student joins it, and learns from
the labels and, more and more, from what the teacher says of the very same picture at that moment. So no answers of
the teacher need to be kept, and both end with the learning rate at nothing.
"""

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

from models.face.taught import nets
from models.face.taught.batches import Batch

Floats = NDArray[np.float32]
_AVERAGING = 0.998  # per step, for the weights that are shipped
_JOIN = 0.5  # of the teacher's steps are done when the student joins
_TRUST = 0.7  # the teacher's share in what the student learns from, at the end
_HEAD_WEIGHTS = {"ferplus": 1.0, "fer2013": 0.5}
_CLIP = 2.0  # the longest gradient


class Learner:
    """A network with its optimiser and the average of its weights."""

    def __init__(self, network: Any, rate: float, decay: float) -> None:
        """`rate` is the highest learning rate, `decay` the weight decay."""
        self.network = network
        self.average = deepcopy(network).eval()
        self.rate = rate
        kernels = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=rate)

    def apply(self, slope: float, steps_done: int) -> None:
        """One step at `slope` (0..1) of the highest rate, from the gradients that are there."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * slope
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        # Few steps must not leave the average at its random beginning, so it is quick at first.
        new = 1 - min(_AVERAGING, (1 + steps_done) / (10 + steps_done))
        with torch.no_grad():
            kept, now = self.average.state_dict(), self.network.state_dict()
            for name, value in now.items():
                if value.is_floating_point():
                    kept[name].lerp_(value, new)

    def logits(self, pictures: Floats, head: str) -> Floats:
        """What the averaged network says."""
        with torch.inference_mode():
            said = [self.average(torch.from_numpy(part))[head] for part in _parts(pictures)]
        return np.asarray(torch.cat(said).numpy(), np.float32)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        parts = (self.network, self.average, self.optimizer)
        return dict(zip(("network", "average", "optimizer"), (part.state_dict() for part in parts), strict=True))

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])


class Run:
    """State of one training in `folder`: of the student alone, or with a teacher."""

    def __init__(
        self,
        folder: Path,
        *,
        steps: int,
        offsets: Mapping[str, Floats],
        seed: int,
        resume: bool,
        begin: Mapping[str, Any] | None = None,
    ) -> None:
        """`steps` in all; `offsets` are added to a head's logits while learning (log prior: see the card).

        With `begin`, weights of a student, there is a teacher.
        """
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        self._seed = seed
        self._checkpoint = folder / "checkpoint.pt"
        self._history_file = folder / "history.json"
        self._steps, self._step = steps, 0
        self._offsets = {head: torch.from_numpy(values) for head, values in offsets.items()}
        self.history: list[dict[str, float]] = []
        student = nets.student()
        if begin is None:
            self.learners = {"student": Learner(student, rate=3e-3, decay=0.02)}
        else:
            student.load_state_dict(begin)
            teacher = Learner(nets.teacher(), rate=1.5e-3, decay=0.05)
            self.learners = {"student": Learner(student, rate=1e-3, decay=0.02), "teacher": teacher}
        if resume and self._checkpoint.is_file():
            state = torch.load(self._checkpoint, weights_only=True)
            self._step = state["step"]
            for name, learner in self.learners.items():
                learner.restore(state[name])
            self.history = json.loads(self._history_file.read_text())[: state["epoch"]]

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def train(self, batches: Iterable[Batch]) -> dict[str, float]:
        """One epoch; the mean losses of those who learned."""
        torch.manual_seed(self._seed * 1000 + self.epoch)  # dropout too is the same after a resume
        for learner in self.learners.values():
            learner.network.train()
        losses = [self._learn(batch) for batch in batches]
        names = {name for each in losses for name in each}
        return {f"{name}_loss": float(np.mean([each[name] for each in losses if name in each])) for name in names}

    def keep(self, record: dict[str, float]) -> None:
        """An epoch is done: remember what came out and where we are."""
        self.history.append(record)
        self._history_file.write_text(json.dumps(self.history, indent=1))
        states = {name: learner.state() for name, learner in self.learners.items()}
        fresh = self._checkpoint.with_suffix(".new")
        torch.save({"step": self._step, "epoch": self.epoch, **states}, fresh)
        fresh.replace(self._checkpoint)

    def _learn(self, batch: Batch) -> dict[str, float]:
        pictures = torch.from_numpy(batch.pictures)
        targets = {head: torch.from_numpy(values) for head, values in batch.targets.items()}
        weights = {head: torch.from_numpy(values) for head, values in batch.weights.items()}
        losses = {}
        if "teacher" in self.learners:
            losses["teacher"], said = self._teach(pictures, targets, weights)
            trust = _TRUST * (self._step / self._steps - _JOIN) / (1 - _JOIN)
            targets = {head: torch.lerp(targets[head], said[head], max(0.0, trust)) for head in targets}
        if "teacher" not in self.learners or self._step >= _JOIN * self._steps:
            losses["student"] = self._loss(self.learners["student"].network(pictures), targets, weights)
        for name, loss in losses.items():
            loss.backward()
            self.learners[name].apply(_slope(self._step, self._steps), self._step)
        self._step += 1
        return {name: loss.item() for name, loss in losses.items()}

    def _teach(self, pictures: Any, targets: Any, weights: Any) -> tuple[Any, dict[str, Any]]:
        """The teacher's loss, and what it says of the pictures, as probabilities."""
        teacher = self.learners["teacher"].network
        with torch.autocast("cpu", torch.bfloat16, enabled=_bfloat16_is_quick()):
            features = teacher.features(pictures)
        loss = self._loss(teacher.answer(teacher.dropout(features)), targets, weights)
        with torch.no_grad():
            said = self._shifted(teacher.answer(features))
        return loss, {head: values.softmax(dim=1) for head, values in said.items()}

    def _shifted(self, logits: Mapping[str, Any]) -> dict[str, Any]:
        return {head: values + self._offsets[head] for head, values in logits.items()}

    def _loss(self, logits: Mapping[str, Any], targets: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
        total: Any = 0.0
        for head, values in self._shifted(logits).items():
            losses = functional.cross_entropy(values, targets[head], reduction="none")
            total = total + _HEAD_WEIGHTS[head] * (losses * weights[head]).sum() / weights[head].sum()
        return total


def _slope(step: int, steps: int) -> float:
    """The learning rate as a share of the highest: a short rise, then half a cosine down to nothing."""
    rise = max(1, steps // 25)
    if step < rise:
        return (step + 1) / rise
    return float(0.5 * (1 + np.cos(np.pi * min(1.0, (step - rise) / max(1, steps - rise)))))


def _bfloat16_is_quick() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported())


def _parts(pictures: Floats, size: int = 256) -> list[Floats]:
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]
