"""Pictures of people for the face path: a real portrait on a plain canvas, with the noise of a real sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.readings import Frame, Image, Probabilities

WIDTH, HEIGHT, FPS = 640, 480, 15.0
HAPPY: Probabilities = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Constant:
    """Stands in for the face model where only finding and following matter."""

    side = 48
    margin = 1.0

    def __init__(self) -> None:
        self.asked = 0

    def classify(self, crop: NDArray[np.uint8], *, mirrored: bool = False) -> Probabilities:
        assert crop.shape == (48, 48)
        self.asked += 1
        return HAPPY

    def classify_both_ways(self, crop: NDArray[np.uint8]) -> Probabilities:
        return self.classify(crop)


@dataclass(frozen=True)
class Person:
    """The centre of the portrait and its side, in pixels; the face is about a third of it."""

    x: float
    y: float = HEIGHT / 2
    side: float = 300.0


@cache
def portrait() -> Image:
    """Eileen Collins, NASA, public domain; comes with scikit-image."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[0:300, 80:380, ::-1])


@cache
def _cutout() -> NDArray[np.float32]:
    """Where in the portrait the person is, softly: a hard frame around it would be part of the scene."""
    mask = np.zeros((300, 300), np.float32)
    cv2.ellipse(mask, (150, 150), (105, 115), 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 10), np.float32)


def picture(people: Sequence[Person], *, light: float = 1.0, noise: float = 3.0, seed: int = 0) -> Image:
    """People before a grey wall, moved by parts of a pixel too."""
    image = np.full((HEIGHT, WIDTH, 3), 110, np.float32)
    for person in people:
        scale = person.side / 300.0
        move = np.array([[scale, 0, person.x - person.side / 2], [0, scale, person.y - person.side / 2]], np.float32)
        size = (WIDTH, HEIGHT)
        mask = cv2.warpAffine(_cutout(), move, size)[:, :, np.newaxis]
        image += mask * (cv2.warpAffine(portrait(), move, size) - image)
    values = image * np.float32(light) + np.random.default_rng(seed).normal(0.0, noise, image.shape)
    return np.clip(values, 0, 255).astype(np.uint8)


def frame(image: Image, number: int, time: float | None = None) -> Frame:
    """The picture as a camera would give it at FPS."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if grey.shape[1] > 320:
        height = max(1, round(grey.shape[0] * 320 / grey.shape[1]))
        grey = cv2.resize(grey, (320, height), interpolation=cv2.INTER_AREA)
    return Frame(number / FPS if time is None else time, number, image, np.asarray(grey, np.uint8))
