"""The pictures that judge: photographs whose boxes were checked by eye, composed scenes, and pictures without a face.

All of it is made from what was held back, by a fixed seed, and never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.finder import compose, light
from models.finder.photos import Floats, Photo

SIDE = 288  # of a composed picture: as large as what the camera path searches
EACH = 60  # composed pictures of each kind
EMPTY, HARD = 1500, 300
_CHECKED = Path(__file__).with_name("checked.txt")
_NONE = np.zeros((0, 4), np.float32)
_NO_POINTS = np.zeros((0, 5, 2), np.float32)


@dataclass(frozen=True)
class Judged:
    """A picture with what is right about it."""

    picture: NDArray[np.uint8]
    boxes: Floats
    points: Floats
    doubtful: Floats


def photographs(held_back: list[Photo]) -> list[Judged]:
    """The photographs as they are, with the one face that was checked; other people in them are left open."""
    checked = set(_CHECKED.read_text().split())
    return [
        Judged(photo.grey, photo.boxes[:1], photo.points[:1], np.concatenate([photo.boxes[1:], photo.doubtful]))
        for photo in held_back
        if photo.name in checked
    ]


def composed(bank: compose.Bank) -> dict[str, list[Judged]]:
    """Small, dark, turned, hidden and several faces."""
    kinds: dict[str, Callable[[np.random.Generator], compose.Scene]] = {
        "small (18 to 30 pixels)": lambda random: compose.photograph(
            bank, random, height=random.uniform(18, 30), degrees=0.0, bare=True
        ),
        "dark (8 to 25 % of the light)": lambda random: compose.photograph(
            bank, random, height=_ordinary(random), bare=True
        ),
        "turned (20 to 40 degrees)": lambda random: compose.photograph(
            bank, random, height=_ordinary(random), degrees=random.choice((-1, 1)) * random.uniform(20, 40), bare=True
        ),
        "hidden (a third or more)": lambda random: _hidden(bank, random),
        "several (2 to 5 faces)": lambda random: compose.group(bank, random, int(random.integers(2, 6))),
    }
    return {
        kind: [_lit(draw(random), random, dark=kind.startswith("dark")) for _ in range(EACH)]
        for number, (kind, draw) in enumerate(kinds.items())
        for random in [np.random.default_rng([5, number])]
    }


def empty(bank: compose.Bank, pictures: int = EMPTY) -> Iterator[Judged]:
    """Views of backgrounds, half of them with a thing or an animal, in all kinds of light."""
    return _without(bank, compose.ordinary, pictures, 98)


def hard(bank: compose.Bank) -> Iterator[Judged]:
    """What was made to deceive: heads with the face painted over, soft round patches."""
    return _without(bank, compose.empty, HARD, 99)


def _without(
    bank: compose.Bank, draw: Callable[[compose.Bank, np.random.Generator], compose.Scene], pictures: int, seed: int
) -> Iterator[Judged]:
    random = np.random.default_rng([5, seed])
    for _ in range(pictures):
        yield Judged(light.weather(draw(bank, random).picture, random), _NONE, _NO_POINTS, _NONE)


def _ordinary(random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(30), np.log(200))))


def _hidden(bank: compose.Bank, random: np.random.Generator) -> compose.Scene:
    scene = compose.photograph(bank, random, height=_ordinary(random), bare=True)
    compose.hide(scene, bank, random)
    return scene


def _lit(scene: compose.Scene, random: np.random.Generator, *, dark: bool) -> Judged:
    picture = scene.picture
    if dark:
        picture = light.dark(picture, random.uniform(0.08, 0.25), random)
    else:
        picture = picture + random.normal(0, 2.5, picture.shape).astype(np.float32)
    boxes, points, doubtful = scene.labels
    return Judged(np.clip(picture, 0, 255).astype(np.uint8), boxes, points, doubtful)


def _moved(each: Judged, scale: float, degrees: float) -> Judged:
    """The photograph in the middle of a grey square, scaled and turned."""
    x, y, width, height = each.boxes[0]
    turn = cv2.getRotationMatrix2D((float(x + width / 2), float(y + height / 2)), degrees, scale)
    turn[:, 2] += SIDE / 2 - np.array([x + width / 2, y + height / 2])
    move = turn.astype(np.float32)
    picture = cv2.warpAffine(
        each.picture,
        move,
        (SIDE, SIDE),
        flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
        borderValue=float(each.picture.mean()),
    )
    boxes = np.stack([compose.moved_box(box, move) for box in each.boxes])
    points = each.points @ move[:, :2].T + move[:, 2]
    return Judged(np.asarray(picture, np.uint8), boxes, points, _NONE)


def _small(each: Judged, height: float) -> Judged:
    """The face `height` pixels high, in a larger picture; shrunk like a camera does, by areas."""
    scale = height / float(each.boxes[0][3])
    if scale < 1:
        size = (max(1, round(each.picture.shape[1] * scale)), max(1, round(each.picture.shape[0] * scale)))
        shrunk = cv2.resize(each.picture, size, interpolation=cv2.INTER_AREA)
        each, scale = Judged(np.asarray(shrunk, np.uint8), each.boxes * scale, each.points * scale, _NONE), 1.0
    return _moved(each, scale, 0.0)


def _darker(each: Judged, left: float) -> Judged:
    picture = light.dark(each.picture.astype(np.float32), left, np.random.default_rng(3))
    return Judged(np.clip(picture, 0, 255).astype(np.uint8), each.boxes, each.points, each.doubtful)


def _blurred(each: Judged, part: float) -> Judged:
    picture = cv2.GaussianBlur(each.picture, (0, 0), max(0.01, part * float(each.boxes[0][3])))
    return Judged(np.asarray(picture, np.uint8), each.boxes, each.points, each.doubtful)


WORSE: dict[str, tuple[Callable[[Judged, float], Judged], tuple[float, ...]]] = {
    "face height (pixels of 288)": (_small, (96, 48, 32, 24, 20, 16, 12)),
    "light left": (_darker, (1.0, 0.4, 0.2, 0.1, 0.05)),
    "rotation (degrees)": (lambda each, much: _moved(each, 1.0, much), (-40, -30, -20, -10, 0, 10, 20, 30, 40)),
    "blur (sigma, heights of the face)": (_blurred, (0.0, 0.02, 0.04, 0.06, 0.1)),
}
