"""The network: 40 ms at a time, one LSTM, statistics of its states since the segment began, one answer.

Each step sees the MFCC features and what the stem (the two convolutions of whisper-tiny.en, as they are) makes of the
mel bands, and gives a state and how much it should count (0..1). Mean and deviation of the states so far, so weighted,
are what the answer is made of. They are added up outside of the file: exact, and the same after a second as after an
hour. Trained with PyTorch, exported by `export.py` as plain operations with h and c in and out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import FEATURES
from edge.speech.pooling import SMALLEST_VARIANCE
from models.speech.head import Answer, Shared
from models.speech.recipe import FRAMES, UNIT, Recipe

STEM = 384  # channels
STEP_INPUTS = FRAMES * FEATURES + FRAMES // UNIT * STEM


class Network(nn.Module):  # type: ignore[misc]
    """Units in, states and weights out; what `taught` adds is for training alone."""

    def __init__(self, corpora: int, recipe: Recipe, thoughts: int, views: int) -> None:
        super().__init__()
        self.front = nn.Linear(STEP_INPUTS, recipe.front)
        self.lstm = nn.LSTM(recipe.front, recipe.units, batch_first=True)
        self.weight = nn.Linear(recipe.units, 1)
        self.dropout = nn.Dropout(recipe.dropout)
        self.norm = nn.BatchNorm1d(2 * recipe.units)
        self.shared = nn.Linear(2 * recipe.units, len(CLASSES))
        self.own = nn.Parameter(torch.zeros(corpora, 2 * recipe.units, len(CLASSES)))
        self.own_bias = nn.Parameter(torch.zeros(corpora, len(CLASSES)))
        self.thought = nn.Linear(recipe.units, thoughts)
        self.view = nn.Linear(2 * recipe.units, views)

    def forward(self, features: torch.Tensor, stem: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(items, units, ...) to states (items, steps, units) and their weights (items, steps, 1)."""
        front = torch.relu(self.front(joined(features, stem)))
        states, _ = self.lstm(self.dropout(front))
        return states, torch.sigmoid(self.weight(states))

    def taught(
        self,
        features: torch.Tensor,
        stem: torch.Tensor,
        asked: torch.Tensor,
        corpora: torch.Tensor,
        told: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits and views after the asked steps (items, answers, ...), and thoughts at every step.

        Where `told` (items,) is 0, the answer is what all corpora share, and the item's own corpus adds nothing.
        """
        half = self.training and features.device.type == "cpu"  # twice as fast there
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            states, weights = self(features, stem)
            states, weights = states.float(), weights.float()
        statistics = pooled(states, weights, asked)
        normed = self.norm(statistics.flatten(0, 1)).reshape(statistics.shape)
        kept = self.dropout(normed)
        own = torch.einsum("iad,idk->iak", kept, self.own[corpora]) + self.own_bias[corpora][:, None]
        if told is not None:
            own = own * told[:, None, None]
        return self.shared(kept) + own, self.view(normed), self.thought(states)


def shared_answer(net: Network) -> Shared:
    """The layer that all corpora share, on plain statistics: the normalisation before it is folded in."""
    norm, layer = net.norm, net.shared
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    kernel = layer.weight.T * scale[:, None]
    bias = layer.bias + (norm.bias - norm.running_mean * scale) @ layer.weight.T
    return Shared(np.asarray(kernel.detach().numpy(), np.float32), np.asarray(bias.detach().numpy(), np.float32))


def joined(features: torch.Tensor, stem: torch.Tensor) -> torch.Tensor:
    """What the front of each step sees: all its frames' features, and the stem's units."""
    items, units = features.shape[:2]
    steps = units * UNIT // FRAMES
    return torch.cat((features.reshape(items, steps, -1), stem.reshape(items, steps, -1)), dim=2)


def pooled(states: torch.Tensor, weights: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """(items, answers, 2 * units): weighted mean and deviation of the states up to each of the asked steps."""
    heard = torch.arange(states.shape[1], device=states.device)[None, None] <= asked[..., None]
    counted = heard * weights.transpose(1, 2)
    total = counted.sum(2, keepdim=True)
    mean = counted @ states / total
    variance = counted @ (states * states) / total - mean * mean
    return torch.cat((mean, (variance.clamp(min=0) + SMALLEST_VARIANCE).sqrt()), dim=2)


@dataclass(frozen=True)
class Trained:
    """What ships: the weights as plain arrays, `x @ kernel + bias`."""

    front: tuple[Floats, Floats]
    lstm: tuple[Floats, Floats, Floats]  # kernel, recurrent kernel, bias; gates in the order of PyTorch: i, f, g, o
    weight: tuple[Floats, Floats]
    stem: tuple[Floats, Floats, Floats, Floats]  # PyTorch's kernels and biases of the two convolutions
    answer: Answer

    @property
    def parameters(self) -> int:
        answer = (self.answer.kernel, self.answer.bias)
        return sum(part.size for layer in (self.front, self.lstm, self.weight, self.stem, answer) for part in layer)


def plain(net: Network, stem: tuple[Floats, Floats, Floats, Floats], answer: Answer) -> Trained:
    """The network's weights, those of the stem, and the answer."""

    def array(tensor: torch.Tensor) -> Floats:
        return np.asarray(tensor.detach().numpy(), np.float32).copy()

    lstm = net.lstm
    return Trained(
        front=(array(net.front.weight.T), array(net.front.bias)),
        lstm=(
            array(lstm.weight_ih_l0.T),
            array(lstm.weight_hh_l0.T),
            array(lstm.bias_ih_l0 + lstm.bias_hh_l0),
        ),
        weight=(array(net.weight.weight.T), array(net.weight.bias)),
        stem=stem,
        answer=answer,
    )
