"""What a look and a listen are good for: pure functions of a picture and of the last seconds of sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.face.quality import FULL_SIZE, light
from edge.readings import Box, FoundFace

AimVerdict = Literal["nobody", "too_small", "too_dark", "too_bright", "at_edge", "good"]
HearVerdict = Literal["nothing", "clipped", "faint", "no_voice", "good"]

_DARK, _BRIGHT = 0.5, 140.0  # share of the light that a face needs; the mean grey from which too little is too much
_CLIPPED = 0.01  # share of samples at full scale
_FAINT_DB = -75.0
_VOICE = 0.5


@dataclass(frozen=True, slots=True)
class Aimed:
    """A face and what is to be said of it. The box is in fractions of the picture's width and height."""

    verdict: AimVerdict
    box: tuple[float, float, float, float] | None = None  # left, top, width, height
    size: int = 0  # height in pixels of the camera's picture
    wanted: int = 0  # the least height that can be read well


def aimed(luma: NDArray[np.uint8], faces: Sequence[FoundFace], scale: float, min_size: float) -> Aimed:
    """The largest of `faces` in a grey picture, judged; `scale` is how much larger the camera's own picture is."""
    wanted = round(max(min_size, FULL_SIZE))
    if not faces:
        return Aimed("nobody", wanted=wanted)
    box = max(faces, key=lambda face: face.box.height).box
    height, width = luma.shape
    size = round(box.height * scale)
    verdict: AimVerdict = "good"
    if size < wanted:
        verdict = "too_small"
    elif min(box.x, box.y, width - box.x - box.width, height - box.y - box.height) < 0.0:
        verdict = "at_edge"
    else:
        crop = _crop(luma, box)
        if light(crop) < _DARK:
            verdict = "too_bright" if float(crop.mean()) > _BRIGHT else "too_dark"
    return Aimed(verdict, (box.x / width, box.y / height, box.width / width, box.height / height), size, wanted)


def _crop(luma: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    top, left = max(int(box.y), 0), max(int(box.x), 0)
    return luma[top : max(int(box.y + box.height), top + 1), left : max(int(box.x + box.width), left + 1)]


@dataclass(frozen=True, slots=True)
class Block:
    """A tenth of a second of sound, as numbers."""

    level_db: float
    clipped: float  # share of samples at full scale
    voice: float  # probability


def heard(blocks: Sequence[Block]) -> HearVerdict:
    """What the last seconds come to."""
    loudest = max((block.level_db for block in blocks), default=-120.0)
    if loudest <= -119.0:
        return "nothing"
    if sum(block.clipped for block in blocks) / len(blocks) > _CLIPPED:
        return "clipped"
    if loudest < _FAINT_DB:
        return "faint"
    return "good" if any(block.voice >= _VOICE for block in blocks) else "no_voice"
