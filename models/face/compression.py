"""What JPEG does to a batch of grey pictures: blocks of eight pixels, whose finer waves are rounded more coarsely."""

from __future__ import annotations

import math
from typing import Any

import torch

_BLOCK = 8
# The steps for brightness that the standard suggests, at a quality of 50.
_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def compressed(faces: Any, quality: Any) -> Any:
    """As JPEG gives back `faces` (items x 1 x side x side, 0 to 255), each of its own `quality`.

    The side is a multiple of eight.
    """
    items, _, side, _ = faces.shape
    waves = _waves(faces.device)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    steps = torch.tensor(_STEPS, device=faces.device) * scale[:, None, None]
    steps = steps.round().clamp(min=1)[:, None, None]
    across = side // _BLOCK
    blocks = (faces - 128).reshape(items, across, _BLOCK, across, _BLOCK).transpose(2, 3)
    rounded = (waves @ blocks @ waves.T / steps).round() * steps
    back = (waves.T @ rounded @ waves).transpose(2, 3).reshape(items, 1, side, side)
    return (back + 128).clamp(0, 255)


def _waves(device: Any) -> Any:
    """The cosine transform of a row of eight pixels."""
    place = torch.arange(_BLOCK, dtype=torch.float32, device=device)
    waves = torch.cos(math.pi / _BLOCK * (place + 0.5) * place[:, None]) * math.sqrt(2 / _BLOCK)
    waves[0] /= math.sqrt(2)
    return waves
