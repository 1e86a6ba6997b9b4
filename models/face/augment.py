"""Batches of faces as other cameras would have seen them: pose, distance, light, blur, compression, obstacles.

All in tensors, since faces one by one would take longer than learning from them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.face.compression import compressed
from models.face.framing import REACH

SIDE = 64  # of a varied picture; the networks see it smaller or larger

_TURN = 0.35  # radians
_NEARER, _FARTHER = -0.18, 0.2  # logarithm of the size of what is seen
_SHIFT = 0.1
_CUT_OUT_AGAIN = 0.5  # of the faces that came cut out, black around them
_CUT_OUT = 0.3  # of the others, so that being cut out says nothing
_ROUNDER = 0.06  # how far what is a face's length away moves in or out, as through a lens that is near
_AGED = 0.5  # of the faces that are varied once more
_DEEPER = 0.9  # of the finest detail, added or taken off
_COMPRESSED = 0.15
_QUALITY = (20, 70)  # of JPEG
_BLACK = 0.6  # of all that is cut out; the rest lies on some grey


class Augment:
    """Random variations; the same seed gives the same ones."""

    def __init__(self, *seed: int, device: str = "cpu") -> None:
        self._random = np.random.default_rng(seed)
        self._device = device
        self._torch = torch.Generator(device).manual_seed(int(self._random.integers(2**62)))
        lines = torch.linspace(-1, 1, SIDE, device=device)
        self._down, self._across = torch.meshgrid(lines, lines, indexing="ij")

    def __call__(self, kept: NDArray[np.uint8], outside: NDArray[np.bool_]) -> Any:
        """One variation of each of the `kept` (items x KEPT x KEPT): bytes, items x 1 x SIDE x SIDE.

        `outside` says where a face that came cut out ends; it is False for all others.
        """
        came_cut_out = torch.from_numpy(outside.any(axis=(1, 2)))[:, None, None, None].to(self._device)
        both = torch.from_numpy(np.stack([kept, outside.astype(np.uint8)], axis=1)).to(self._device).float()
        both = self._move(both)
        faces, ends = both[:, :1], both[:, 1:] > 0.5
        faces = self._relight(faces)
        faces = self._cut_out(faces, ends, came_cut_out)
        faces = self._blur(faces)
        noise = torch.randn(faces.shape, generator=self._torch, device=self._device)
        faces = faces + noise * self._where(0.5) * self._uniform(0, 10)
        faces = self._compress(self._cover(faces).clamp(0, 255))
        return faces.round().byte()

    def _move(self, faces: Any) -> Any:
        self._items = len(faces)
        turn = self._uniform(-_TURN, _TURN).flatten()
        size = self._uniform(_NEARER, _FARTHER).flatten().exp() / REACH
        wide = size * self._uniform(0.93, 1.07).flatten()
        side = self._where(0.5).flatten() * 2 - 1
        shifts = [self._uniform(-_SHIFT, _SHIFT).flatten() * size for _ in range(2)]
        rows = [
            torch.stack([side * wide * turn.cos(), -size * turn.sin(), shifts[0]], 1),
            torch.stack([side * wide * turn.sin(), size * turn.cos(), shifts[1]], 1),
        ]
        grid = functional.affine_grid(torch.stack(rows, 1), [self._items, 1, SIDE, SIDE], align_corners=False)
        return functional.grid_sample(faces, grid, align_corners=False, padding_mode="border")

    def _relight(self, faces: Any) -> Any:
        faces = 255 * (faces / 255).clamp(1e-3, 1) ** self._uniform(-0.4, 0.4).exp()
        faces = (faces - 128) * self._uniform(0.55, 1.25) + 128 + self._uniform(-25, 25)
        angle = self._uniform(-math.pi, math.pi)
        ramp = self._across * angle.cos() + self._down * angle.sin() * 0.6
        return faces.clamp(0, 255) * (1 + self._where(0.3) * self._uniform(0.2, 0.6) * ramp).clamp(0.1, 2)

    def _cut_out(self, faces: Any, ends: Any, came_cut_out: Any) -> Any:
        """Black, or some grey, outside of an oval."""
        wide, high = self._uniform(0.72, 1.0), self._uniform(0.85, 1.15)
        left, up = self._uniform(-0.08, 0.08), self._uniform(-0.1, 0.1)
        oval = ((self._across - left) / wide) ** 2 + ((self._down - up) / high) ** 2 > 1
        again = came_cut_out & (self._where(_CUT_OUT_AGAIN) > 0)
        fresh = ~again & (self._where(_CUT_OUT) > 0)
        gone = (again & ends) | (fresh & oval)
        fill = self._uniform(0, 255) * (1 - self._where(_BLACK))
        return torch.where(gone, fill.expand_as(faces), faces)

    def _blur(self, faces: Any) -> Any:
        """Some out of focus, some from far away."""
        order = torch.from_numpy(self._random.permutation(len(faces))).to(self._device)
        far, soft = order[: len(faces) // 5], order[len(faces) // 5 : 3 * len(faces) // 10]
        for part in far.split(max(1, len(far) // 2 + 1)):
            pixels = int(self._random.integers(18, 48))
            small = functional.interpolate(faces[part], size=(pixels, pixels), mode="area")
            faces[part] = functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        sigma = self._random.uniform(0.5, 1.8)
        kernel = torch.exp(-((torch.arange(-4, 5, device=self._device) / sigma) ** 2) / 2)
        kernel = (kernel / kernel.sum())[None, None]
        padded = functional.pad(faces[soft], (4, 4, 4, 4), mode="replicate")
        faces[soft] = functional.conv2d(functional.conv2d(padded, kernel[..., None, :]), kernel[..., None])
        return faces

    def _cover(self, faces: Any) -> Any:
        """A rectangle over some of them."""
        x, y = self._uniform(-1, 1), self._uniform(-1, 1)
        wide, high = self._uniform(0.1, 0.42), self._uniform(0.1, 0.42)
        over = ((self._across - x).abs() < wide) & ((self._down - y).abs() < high) & (self._where(0.3) > 0)
        return torch.where(over, self._uniform(0, 255).expand_as(faces), faces)

    def _compress(self, faces: Any) -> Any:
        some = np.flatnonzero(self._random.random(len(faces)) < _COMPRESSED)
        if len(some):
            chosen = torch.from_numpy(some).to(self._device)
            quality = torch.from_numpy(self._random.integers(*_QUALITY, len(some))).float()
            faces[chosen] = compressed(faces[chosen], quality.to(self._device))
        return faces

    def _uniform(self, low: float, high: float) -> Any:
        return self._share() * (high - low) + low

    def _where(self, share: float) -> Any:
        """1 for a share of the items, 0 for the others."""
        return (self._share() < share).float()

    def _share(self) -> Any:
        return torch.rand((self._items, 1, 1, 1), generator=self._torch, device=self._device)


def again(faces: Any, side: int, random: Any) -> Any:
    """A picture that was varied already once more, a little: mirrored, turned, shifted; `side` pixels come out.

    Little enough that what was said of it still holds. Some get rounder or longer, and smoother or with deeper folds:
    how young or old a face is says nothing of what it expresses, so what was said holds for these too.
    """
    items, device = len(faces), faces.device
    draw = torch.rand(8, items, generator=random, device=device) * 2 - 1
    turn, size = 0.06 * draw[0], (0.05 * draw[1]).exp()
    sign = draw[6].sign()
    rows = [
        torch.stack([sign * size * turn.cos(), -size * turn.sin(), 0.03 * draw[2]], 1),
        torch.stack([sign * size * turn.sin(), size * turn.cos(), 0.03 * draw[3]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), [items, 1, side, side], align_corners=False)
    grid = grid * (1 + _ROUNDER * draw[4][:, None, None, None] * (grid.square().sum(dim=3, keepdim=True) - 1))
    moved = functional.grid_sample(faces, grid, align_corners=False, padding_mode="border")
    deeper = _DEEPER * draw[5] * (draw[7] < 2 * _AGED - 1)
    return (moved + deeper[:, None, None, None] * (moved - _softened(moved))).clamp(0, 255)


def _softened(faces: Any) -> Any:
    """Without folds: a binomial blur of five pixels."""
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=faces.device) / 16
    padded = functional.pad(faces, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(functional.conv2d(padded, line[None, None, None]), line[None, None, :, None])


def no_faces(faces: Any, random: Any) -> Any:
    """What is no face to judge, from as many that are: in pieces, upside down, from too near, or clouds of grey."""
    pieces, upside_down, near, clouds = faces.tensor_split(4)
    items, side, device = len(faces), faces.shape[-1], faces.device
    block = side // 4
    tiles = functional.unfold(pieces, block, stride=block)
    tiles = tiles[:, :, torch.randperm(tiles.shape[2], generator=random, device=device)]
    pieces = functional.fold(tiles, (4 * block, 4 * block), block, stride=block)
    top, left = (int(torch.randint(side - side // 4, (1,), generator=random, device=device)) for _ in range(2))
    near = near[:, :, top : top + side // 4, left : left + side // 4]
    coarse = int(torch.randint(2, 20, (1,), generator=random, device=device))
    clouds = 128 + 40 * torch.randn(len(clouds), 1, coarse, coarse, generator=random, device=device)
    parts = (pieces, upside_down.flip(2), near, clouds)
    sized = [functional.interpolate(part, size=(side, side), mode="bilinear") for part in parts if len(part)]
    return torch.cat(sized) + 4 * torch.randn(items, 1, side, side, generator=random, device=device)
