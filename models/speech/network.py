"""The network: 40 ms at a time, one LSTM, statistics of its states since the segment began, one answer.

Each step sees the MFCC features and what the stem (the two convolutions of whisper-tiny.en, which learn on) makes of
the mel bands, and gives a state and how much it should count (0..1). Mean and deviation of the states so far, so
weighted, are what the answer is made of. They are added up outside of the file: exact, and the same after a second as
after an hour. Trained with PyTorch, exported by `export.py` as plain operations with h and c in and out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from edge.inference import Floats
from edge.speech.classifier import CLASSES
from edge.speech.features import FEATURES
from edge.speech.pooling import SMALLEST_VARIANCE
from edge.speech.spectrum import BANDS
from models.speech.head import Answer, Shared
from models.speech.recipe import FRAMES, UNIT, Recipe
from models.speech.whisper import Convolutions

STEM = 384  # channels
STEP_INPUTS = FRAMES * FEATURES + FRAMES // UNIT * STEM


class Stem(nn.Module):  # type: ignore[misc]
    """From bands (..., CONTEXT + CHUNK, BANDS) to (..., CHUNK / UNIT, STEM): chunks give what one pass would."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(BANDS, STEM, 3)
        self.second = nn.Conv1d(STEM, STEM, 3, stride=2)

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        inner = functional.gelu(self.first(bands.flatten(0, -3).transpose(1, 2)))
        outer = functional.gelu(self.second(inner)).transpose(1, 2)
        return outer.reshape(*bands.shape[:-2], *outer.shape[1:])

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def begin_as(self, known: Convolutions) -> None:
        mine = (self.first.weight, self.first.bias, self.second.weight, self.second.bias)
        for own, values in zip(mine, known, strict=True):
            own.copy_(torch.from_numpy(values))

    def arrays(self) -> Convolutions:
        return Convolutions(*(_array(part) for part in self.parameters()))


@dataclass(frozen=True)
class Heard:
    """What the network is taught with: slower or faster than it was, with pieces missing."""

    features: torch.Tensor  # (items, units, UNIT * FEATURES)
    bands: torch.Tensor  # (items, chunks, CONTEXT + CHUNK, BANDS)
    sources: torch.Tensor  # (items, units): which unit of the chunks comes when
    blank: torch.Tensor  # (items, units): those that are not there

    def by(self, stem: Stem) -> torch.Tensor:
        """(items, units, STEM)"""
        every = stem(self.bands).flatten(1, 2)
        taken = every.gather(1, self.sources[..., None].expand(-1, -1, every.shape[2]))
        return taken.masked_fill(self.blank[..., None], 0)


class Network(nn.Module):  # type: ignore[misc]
    """Units in, states and weights out; what `taught` adds is for training alone."""

    def __init__(self, corpora: int, recipe: Recipe, thoughts: int, views: int) -> None:
        super().__init__()
        self.stem = Stem()
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

    def forward(self, features: torch.Tensor, bands: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of units and bands of chunks to states (items, steps, units) and their weights (items, steps, 1)."""
        return self.listened(features, self.stem(bands).flatten(1, 2)[:, : features.shape[1]])

    def listened(self, features: torch.Tensor, heard: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same of what the stem heard in each unit."""
        front = torch.relu(self.front(joined(features, heard)))
        states, _ = self.lstm(self.dropout(front))
        return states, torch.sigmoid(self.weight(states))

    def taught(
        self,
        heard: Heard,
        asked: torch.Tensor,
        corpora: torch.Tensor,
        told: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits and views after the asked steps (items, answers, ...), and thoughts at every step.

        Where `told` (items,) is 0, the answer is what all corpora share, and the item's own corpus adds nothing.
        """
        with torch.autocast(asked.device.type, torch.bfloat16, enabled=self.training):  # twice as fast
            states, weights = self.listened(heard.features, heard.by(self.stem))
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
    stem: Convolutions
    answer: Answer

    @property
    def parameters(self) -> int:
        answer = (self.answer.kernel, self.answer.bias)
        return sum(part.size for layer in (self.front, self.lstm, self.weight, self.stem, answer) for part in layer)


def plain(net: Network, answer: Answer) -> Trained:
    """The network's weights and the answer."""
    lstm = net.lstm
    return Trained(
        front=(_array(net.front.weight.T), _array(net.front.bias)),
        lstm=(
            _array(lstm.weight_ih_l0.T),
            _array(lstm.weight_hh_l0.T),
            _array(lstm.bias_ih_l0 + lstm.bias_hh_l0),
        ),
        weight=(_array(net.weight.weight.T), _array(net.weight.bias)),
        stem=net.stem.arrays(),
        answer=answer,
    )


def _array(tensor: torch.Tensor) -> Floats:
    return np.asarray(tensor.detach().numpy(), np.float32).copy()
