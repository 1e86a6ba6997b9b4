"""The two networks that learn: the student and the dense teacher, whose answers it learns from.

The student is the network of `models.face.network` layer by layer, so that its weights can be carried over to be
converted. Both end in two heads: what annotators voted (FER+) and FER2013's own label.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from edge.readings import LABELS
from models.face.network import BLOCKS, STEM

HEADS = ("ferplus", "fer2013")
# Channels and residual blocks of each stage; every stage after the first halves the picture.
_TEACHER_STAGES = ((48, 1), (96, 2), (192, 2), (384, 2))
_EPSILON = 1e-3  # of the batch norms, as in Keras
_LAYOUT = torch.channels_last  # several times as fast on a CPU


class Network(nn.Module):  # type: ignore[misc]
    """A trunk and one linear head for each kind of label."""

    def __init__(self, trunk: Any, features: int, dropout: float) -> None:
        """`trunk` ends in `features` maps of any size."""
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(features, len(LABELS)) for name in HEADS})

    def features(self, pictures: Any) -> Any:
        """One row of features for each picture."""
        maps = self.trunk(pictures.contiguous(memory_format=_LAYOUT))
        return maps.float().mean(dim=(2, 3))

    def answer(self, features: Any) -> dict[str, Any]:
        """The logits of every head."""
        return {name: head(features) for name, head in self.heads.items()}

    def forward(self, pictures: Any) -> dict[str, Any]:
        """The logits of every head for pictures of (items, 1, side, side)."""
        return self.answer(self.dropout(self.features(pictures)))


def student(dropout: float = 0.3) -> Any:
    """Depthwise-separable; see `models.face.network.build`."""
    layers: list[Any] = [nn.Conv2d(1, STEM, 3, padding=1, bias=False), _norm(STEM), nn.ReLU6(inplace=True)]
    before = STEM
    for channels, stride in BLOCKS:
        layers.append(_Separable(before, channels, stride))
        before = channels
    return Network(nn.Sequential(*layers), before, dropout).to(memory_format=_LAYOUT)


def teacher(dropout: float = 0.4) -> Any:
    """A residual network of full convolutions, some twenty times the student; used in training only."""
    before = _TEACHER_STAGES[0][0]
    layers: list[Any] = [
        nn.Conv2d(1, before, 5, 2, padding=2, bias=False),
        _norm(before),
        nn.ReLU(inplace=True),
    ]
    for stage, (channels, blocks) in enumerate(_TEACHER_STAGES):
        for block in range(blocks):
            layers.append(_Residual(before, channels, 2 if stage and not block else 1))
            before = channels
    return Network(nn.Sequential(*layers), before, dropout).to(memory_format=_LAYOUT)


class _Separable(nn.Module):  # type: ignore[misc]
    """A block of the student; a residual where nothing changes size."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self._stride = stride
        self._residual = stride == 1 and before == channels
        self.spread = nn.Conv2d(before, before, 3, stride, padding=int(stride == 1), groups=before, bias=False)
        self.spread_norm = _norm(before)
        self.mix = nn.Conv2d(before, channels, 1, bias=False)
        self.mix_norm = _norm(channels)

    def forward(self, x: Any) -> Any:
        # With a stride TensorFlow pads only below and to the right.
        y = x if self._stride == 1 else functional.pad(x, (0, 1, 0, 1))
        y = functional.relu6(self.spread_norm(self.spread(y)), inplace=True)
        y = self.mix_norm(self.mix(y))
        return functional.relu6(x + y if self._residual else y, inplace=True)


class _Residual(nn.Module):  # type: ignore[misc]
    """A block of the teacher."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, channels, 3, stride, padding=1, bias=False)
        self.first_norm = _norm(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = _norm(channels)
        same = stride == 1 and before == channels
        self.past = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), _norm(channels))
        )

    def forward(self, x: Any) -> Any:
        y = functional.relu(self.first_norm(self.first(x)), inplace=True)
        return functional.relu(self.second_norm(self.second(y)) + self.past(x), inplace=True)


def _norm(channels: int) -> Any:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=0.05)
