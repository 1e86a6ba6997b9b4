"""A larger network that learns feelings from nothing: ordinary convolutions with residuals, for a machine with a GPU.

Several of them teach, each of which has not seen a part of the faces: what it says of those is not what it remembers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

_STAGES = (64, 128, 256, 512)  # channels; two blocks each, all but the first at half of the size before
_SIDE = 96  # pixels that it looks at: more than there are, since more layers look at each of them then
_SQUEEZE = 16
_DROPPED = 0.1  # of the blocks, at the end of the network; none at its beginning


class Residual(nn.Module):  # type: ignore[misc]
    """Eleven million parameters; standardised pictures (items x 1 x side x side) to maps."""

    def __init__(self) -> None:
        super().__init__()
        stem = [nn.Conv2d(1, _STAGES[0], 5, 2, 2, bias=False), nn.BatchNorm2d(_STAGES[0]), nn.ReLU(inplace=True)]
        blocks: list[Any] = []
        before, count = _STAGES[0], 2 * len(_STAGES)
        for channels in _STAGES:
            for _ in range(2):
                stride = 2 if channels != before else 1
                blocks.append(_Block(before, channels, stride, _DROPPED * len(blocks) / count))
                before = channels
        self.layers = nn.Sequential(*stem, *blocks)

    def forward(self, x: Any) -> Any:
        if x.shape[-1] != _SIDE:
            x = functional.interpolate(x, size=(_SIDE, _SIDE), mode="bilinear", align_corners=False)
        return self.layers(x)


class _Block(nn.Module):  # type: ignore[misc]
    """Two convolutions, whose channels are weighed by the whole face, beside what came in."""

    def __init__(self, before: int, channels: int, stride: int, dropped: float) -> None:
        super().__init__()
        self._dropped = dropped
        self.first = nn.Sequential(nn.Conv2d(before, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels))
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        narrow = channels // _SQUEEZE
        self.weigh = nn.Sequential(nn.Conv2d(channels, narrow, 1), nn.ReLU(), nn.Conv2d(narrow, channels, 1))
        self.way = nn.Identity()
        if stride > 1:
            self.way = nn.Sequential(
                nn.AvgPool2d(2), nn.Conv2d(before, channels, 1, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Any) -> Any:
        y = self.second(functional.relu(self.first(x), inplace=True))
        y = y * torch.sigmoid(self.weigh(y.mean(dim=(2, 3), keepdim=True)))
        if self.training and self._dropped:
            stays = torch.rand(len(y), 1, 1, 1, device=y.device) >= self._dropped
            y = y * stays / (1 - self._dropped)
        return functional.relu(self.way(x) + y)
