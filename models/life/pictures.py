"""A camera before which somebody sits: stills of one person, moving, talking, blinking, in a room.

Stills are all that is at hand. What a mouth, an eye or a head does between them is drawn with simple warps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceEnded
from edge.readings import Frame
from models.life.people import Grey, Still

WIDTH, HEIGHT = 640, 480
FPS = 8.0
Patch = tuple[slice, slice]
Manner = Literal["still", "talking", "looking down"]

_FADE_S = 0.3  # from one still to the next
_BLINK_S, _BLINKS_EVERY_S = 0.15, 4.0
_EDGE = 0.12  # of a tile: blended into the room
_SYLLABLES_HZ = 4.0


@dataclass(frozen=True)
class Act:
    """For so many seconds this still, and what the person does."""

    seconds: float
    still: Still
    manner: Manner = "still"


@dataclass(frozen=True)
class Conditions:
    """Camera, light and place."""

    height: float = 140.0  # of the face, pixels
    light: float = 1.0
    slant: float = 0.0  # of the light, from left to right
    noise: float = 3.0  # grey levels
    jpeg: int = 85
    sway: float = 1.0
    x: float = 320.0
    y: float = 220.0
    blur: float = 0.0  # pixels


def drawn(random: np.random.Generator) -> Conditions:
    """Distances, lights, noise and compression as cameras in rooms have them."""
    return Conditions(
        height=float(random.uniform(70, 210)),
        light=float(random.uniform(0.45, 1.15)),
        slant=float(random.uniform(-0.35, 0.35)),
        noise=float(random.uniform(1.5, 6.0)),
        jpeg=int(random.integers(55, 95)),
        sway=float(random.uniform(0.4, 1.6)),
        x=float(random.uniform(220, 420)),
        y=float(random.uniform(190, 260)),
    )


def poor(random: np.random.Generator) -> Conditions:
    """Too far, too dark or out of focus: where an answer should be unsure."""
    usual = drawn(random)
    kind = int(random.integers(3))
    if kind == 0:
        return replace(usual, height=float(random.uniform(42, 58)), noise=usual.noise + 3)
    if kind == 1:
        return replace(usual, light=float(random.uniform(0.08, 0.2)), noise=4.0)
    return replace(usual, blur=float(random.uniform(0.04, 0.08)) * usual.height)


class Actor:
    """One person before the camera: what their part of a picture looks like at any moment."""

    def __init__(
        self, acts: Sequence[Act], conditions: Conditions, seed: int, mouth: NDArray[np.float64] | None = None
    ) -> None:
        """`mouth`: how far it is open while talking, a value a frame; a rhythm of its own otherwise."""
        self.seconds = sum(act.seconds for act in acts)
        self._acts = acts
        self._where = conditions
        self._mouth = mouth
        random = np.random.default_rng(seed)
        self._phases = random.uniform(0, 2 * math.pi, 8)
        self._blinks = np.cumsum(random.exponential(_BLINKS_EVERY_S, 1 + int(self.seconds)) + 0.6)

    def paint(self, t: float, canvas: Grey, light: NDArray[np.float32], path: tuple[float, float]) -> Patch:
        """Paint the person into the lit picture, `path` pixels away from their place; returns where."""
        act, before, since = self._act(t)
        picture, mask = self._posed(act, t)
        if before is not None and since < _FADE_S:
            share = since / _FADE_S
            old, _ = self._posed(before, t)
            picture = picture * share + old * (1 - share)
        matrix = self._matrix(t, path)
        corners = matrix @ np.array([[0, _SIDE, 0, _SIDE], [0, 0, _SIDE, _SIDE], [1, 1, 1, 1]])
        (left, top), (right, bottom) = (
            np.floor(corners.min(axis=1)).astype(int),
            np.ceil(corners.max(axis=1)).astype(int),
        )
        left, top = max(0, int(left)), max(0, int(top))
        right, bottom = min(canvas.shape[1], int(right)), min(canvas.shape[0], int(bottom))
        if right <= left or bottom <= top:
            return slice(0, 0), slice(0, 0)
        where = slice(top, bottom), slice(left, right)
        matrix[:, 2] -= (left, top)
        size = (right - left, bottom - top)
        warped = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR) * light[left:right]
        weight = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)
        behind = canvas[where].astype(np.float32)
        canvas[where] = np.clip(behind + weight * (warped - behind), 0, 255)
        return where

    def _act(self, t: float) -> tuple[Act, Act | None, float]:
        """The act of this moment, the one before, and seconds since it began."""
        before, start = None, 0.0
        for act in self._acts:
            if t < start + act.seconds:
                return act, before, t - start
            before, start = act, start + act.seconds
        return self._acts[-1], None, math.inf

    def _posed(self, act: Act, t: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The still in a square of its own in which every face has the same place and size."""
        image = act.still.image
        lids = max(0.0, *(1 - abs(t - blink) / _BLINK_S for blink in self._blinks))
        opened = down = 0.0
        if act.manner == "talking":
            opened = self._opened(t)
        elif act.manner == "looking down":
            lids, down = 0.8, 1.0
        if opened > 0.02:
            image = mouth_opened(image, act.still, opened)
        if lids > 0.05:
            image = lids_closed(image, act.still, lids)
        return _aligned(image, act.still, down)

    def _opened(self, t: float) -> float:
        if self._mouth is not None:
            return float(self._mouth[min(int(t * FPS), len(self._mouth) - 1)])
        a, b, c = self._phases[:3]
        rhythm = 0.5 + 0.5 * math.sin(2 * math.pi * _SYLLABLES_HZ * t + a + math.sin(1.3 * t + b))
        return rhythm * (0.5 + 0.5 * math.sin(0.9 * t + c)) * 0.9

    def _matrix(self, t: float, path: tuple[float, float]) -> NDArray[np.float64]:
        where, p = self._where, self._phases
        scale = where.height / _FACE * (1 + 0.02 * where.sway * math.sin(0.5 * t + p[3]))
        turn = 2.0 * where.sway * math.sin(0.7 * t + p[4])
        x = where.x + path[0] + where.sway * (8 * math.sin(0.6 * t + p[5]) + 0.8 * math.sin(5 * t + p[6]))
        y = where.y + path[1] + where.sway * (4 * math.sin(0.9 * t + p[7]) + 0.6 * math.sin(6 * t + p[3]))
        matrix = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), turn, scale)
        matrix[:, 2] += (x - _SIDE / 2, y - _SIDE / 2)
        return np.asarray(matrix, np.float64)


class Scenery:
    """A FrameSource: people in a room, seen by a camera."""

    live = False
    name = "composed scene"

    def __init__(
        self,
        actors: Sequence[Actor],
        conditions: Conditions,
        seed: int,
        paths: Sequence[Sequence[tuple[float, float]]] | None = None,
    ) -> None:
        """`paths`: for each actor the offset from their place in each frame."""
        self.seconds = max(actor.seconds for actor in actors)
        self._actors = actors
        self._paths = paths
        self._where = conditions
        self._random = np.random.default_rng(seed)
        across = np.linspace(-1, 1, WIDTH, dtype=np.float32)
        self._light = np.float32(conditions.light) * (1 + np.float32(conditions.slant) * across)
        self._room = np.clip(_room(seed % 7) * self._light, 0, 255).astype(np.uint8)
        self._grain = np.clip(_noise() * conditions.noise, -127, 127).astype(np.int16)
        self._number = 0

    def open(self) -> None:
        self._number = 0

    def read(self) -> Frame:
        if self._number >= self.seconds * FPS:
            raise SourceEnded("the scene is over")
        t = self._number / FPS
        canvas, places = self._room.copy(), []
        for i, actor in enumerate(self._actors):
            places.append(
                actor.paint(t, canvas, self._light, self._paths[i][self._number] if self._paths else (0.0, 0.0))
            )
        for place in places:
            if self._where.blur and canvas[place].size:
                canvas[place] = cv2.GaussianBlur(canvas[place], (0, 0), self._where.blur)
        y, x = self._random.integers(0, 64, 2)
        image = np.asarray(cv2.add(canvas, self._grain[y : y + HEIGHT, x : x + WIDTH], dtype=cv2.CV_8U), np.uint8)
        for place in places:  # compression matters where the faces are
            if image[place].size:
                _, packed = cv2.imencode(".jpg", image[place], (cv2.IMWRITE_JPEG_QUALITY, self._where.jpeg))
                image[place] = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
        self._number += 1
        return Frame(t, self._number, image, image)

    def close(self) -> None:
        """Nothing is held."""


def mouth_opened(image: Grey, still: Still, opened: float) -> Grey:
    """The lower lip and chin moved down, and dark between the lips."""
    left, right = still.face.landmarks[3:5]
    x, y = (left[0] + right[0]) / 2, (left[1] + right[1]) / 2
    height = still.face.box.height
    drop, reach = 0.10 * opened * height, 0.18 * height
    rows, columns = _grid(*image.shape)
    along, down = columns[:1], rows[:, :1]
    across = np.exp(-(((along - x) / reach) ** 2))
    below = np.clip((down - y) / (0.5 * drop + 1e-3), 0, 1) * np.clip(1 - (down - y) / (0.45 * height), 0, 1)
    moved = cv2.remap(image, columns, rows - drop * across * below, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    hollow = np.exp(-(((along - x) / (0.8 * abs(right[0] - left[0]) / 2 + 1)) ** 4))
    hollow = hollow * np.exp(-(((down - y - drop / 2) / (0.45 * drop + 0.3)) ** 4)) * min(1.0, 2 * opened)
    return np.asarray(np.clip(moved * (1 - 0.6 * hollow), 0, 255), np.uint8)


def lids_closed(image: Grey, still: Still, closed: float) -> Grey:
    """The skin above each eye drawn over it."""
    result = image.astype(np.float32)
    height = still.face.box.height
    rows, columns = _grid(*image.shape)
    for x, y in still.face.landmarks[:2]:
        shift = 0.09 * height * closed
        moved = cv2.remap(image, columns, rows - shift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        across = np.exp(-(((columns[:1] - x) / (0.13 * height)) ** 4))
        weight = across * np.exp(-(((rows[:, :1] - y) / (0.06 * height)) ** 4))
        result += weight * closed * (moved - result)
    return np.clip(result, 0, 255).astype(np.uint8)


_SIDE, _FACE = 160, 90.0  # of the square that a person is posed in, and of the face in it


def _aligned(image: Grey, still: Still, down: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The tile brought to the square; with `down` the head nods: the face gets shorter and sinks."""
    box = still.face.box
    scale = _FACE / box.height
    flat = 1 - 0.12 * down
    matrix = np.array(
        [
            [scale, 0, _SIDE / 2 - scale * (box.x + box.width / 2)],
            [0, scale * flat, _SIDE / 2 - scale * flat * (box.y + box.height / 2) + 0.08 * down * _FACE],
        ]
    )
    mask = _feather(image.shape[0])
    picture = cv2.warpAffine(
        image.astype(np.float32), matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return picture, cv2.warpAffine(mask, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)


@cache
def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The row and the column of every pixel."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return rows, columns


@cache
def _feather(side: int) -> NDArray[np.float32]:
    edge = np.minimum(np.arange(side), np.arange(side)[::-1]) / (_EDGE * side)
    ramp = np.clip(edge, 0, 1).astype(np.float32)
    return np.minimum(ramp[:, None], ramp[None, :])


@cache
def _room(kind: int) -> NDArray[np.float32]:
    """A wall with furniture out of focus."""
    random = np.random.default_rng(100 + kind)
    small = random.uniform(60, 190, (6, 8)).astype(np.float32)
    wall = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), 12), np.float32)


@cache
def _noise() -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal((HEIGHT + 64, WIDTH + 64)).astype(np.float32)
