"""The papers' networks, as far as they are described."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class Lstm(nn.Module):  # type: ignore[misc]
    """The 40 means as a sequence of 40 steps → LSTM of 256 → dense layers with dropout."""

    def __init__(self, classes: int, units: int = 256) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.dense = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(units, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(),
            nn.Dropout(0.2), nn.Linear(64, classes),
        )  # fmt: skip

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.dense(self.lstm(values[:, :, None])[0][:, -1])


class Convolutional(nn.Module):  # type: ignore[misc]
    """A 1D-CNN over the numbers of a recording; `features` is what its last layer sees."""

    def __init__(self, inputs: int, classes: int, channels: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, channels, 5, padding=2), nn.ReLU(), nn.Conv1d(channels, channels, 5, padding=2), nn.ReLU(),
            nn.MaxPool1d(2), nn.Dropout(0.2), nn.Conv1d(channels, 2 * channels, 5, padding=2), nn.ReLU(),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(2 * channels * (inputs // 2), 64), nn.ReLU(),
        )  # fmt: skip
        self.answer = nn.Linear(64, classes)

    def features(self, values: torch.Tensor) -> torch.Tensor:
        return self.layers(values[:, None])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.answer(self.features(values))


class Faces(nn.Module):  # type: ignore[misc]
    """A 2D-CNN over grey faces of 48 pixels; `separable`: depthwise and pointwise convolutions instead of full ones."""

    def __init__(self, classes: int, *, separable: bool = False) -> None:
        super().__init__()
        widths = (1, 32, 64, 128)
        parts: list[nn.Module] = []
        for before, width in pairwise(widths):
            if separable and before > 1:
                parts += [nn.Conv2d(before, before, 3, padding=1, groups=before), nn.Conv2d(before, width, 1)]
            else:
                parts.append(nn.Conv2d(before, width, 3, padding=1))
            parts += [nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        self.layers = nn.Sequential(*parts, nn.Flatten(), nn.Dropout(0.4), nn.Linear(128 * 36, 64), nn.ReLU())
        self.answer = nn.Linear(64, classes)

    def features(self, values: torch.Tensor) -> torch.Tensor:
        return self.layers(values[:, None])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.answer(self.features(values))
