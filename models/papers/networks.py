"""The papers' networks, as far as they are described."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

_SIDE = 48  # of FER2013's faces
_HALF = bool(torch.cpu._is_avx512_bf16_supported())  # bfloat16 is quicker where the machine can


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
        with torch.autocast("cpu", torch.bfloat16, enabled=_HALF):
            states = self.lstm(values[:, :, None])[0]
        return self.dense(states[:, -1].float())


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
    """A 2D-CNN over grey faces of 48 pixels; `separable`: depthwise and pointwise convolutions instead of full ones.

    With `points` a row is the pixels and behind them so many coordinates of landmarks, which a layer of their own sees.
    """

    def __init__(self, classes: int, *, separable: bool = False, points: int = 0) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for before, width in pairwise((1, 32, 64, 128)):
            if separable and before > 1:
                parts += [nn.Conv2d(before, before, 3, padding=1, groups=before), nn.Conv2d(before, width, 1)]
            else:
                parts.append(nn.Conv2d(before, width, 3, padding=1))
            parts += [nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        self.trunk = nn.Sequential(*parts).to(memory_format=torch.channels_last)
        self.dense = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(128 * 36, 64), nn.ReLU())
        self.points = nn.Sequential(nn.Linear(points, 64), nn.ReLU(), nn.Dropout(0.4)) if points else None
        self.answer = nn.Linear(128 if points else 64, classes)

    def maps(self, values: torch.Tensor) -> torch.Tensor:
        """(faces, 128, 6, 6)."""
        pictures = values.flatten(1)[:, : _SIDE * _SIDE].reshape(-1, 1, _SIDE, _SIDE)
        with torch.autocast("cpu", torch.bfloat16, enabled=_HALF):
            return self.trunk(pictures.contiguous(memory_format=torch.channels_last)).float()

    def features(self, values: torch.Tensor) -> torch.Tensor:
        seen = self.dense(self.maps(values))
        if self.points is None:
            return seen
        return torch.cat((seen, self.points(values[:, _SIDE * _SIDE :])), dim=1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.answer(self.features(values))


class LstmHead(nn.Module):  # type: ignore[misc]
    """Reads the maps of `Faces` from top to bottom, row by row, and joins what landmarks say."""

    def __init__(self, classes: int, beside: int, units: int = 64) -> None:
        super().__init__()
        self.lstm = nn.LSTM(128 * 6, units, batch_first=True)
        self.answer = nn.Sequential(nn.Dropout(0.4), nn.Linear(units + beside, classes))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Rows of 128 x 6 x 6 numbers and those of the landmarks behind them."""
        maps = values[:, : 128 * 36].reshape(-1, 128, 6, 6).permute(0, 2, 1, 3).flatten(2)
        return self.answer(torch.cat((self.lstm(maps)[0][:, -1], values[:, 128 * 36 :]), dim=1))
