"""A moving scene for those without a camera: a drawn person whose face changes, and who leaves view once a minute."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.demo.face import CENTRE, FaceShape, draw
from edge.readings import Image

SECONDS = 60.0
AWAY = (40.0, 47.0)  # seconds during which the person is out of view; gliding out and in takes one more each
CHANGE_S = 0.6  # from one expression to the next

EXPRESSIONS = {
    "neutral": FaceShape(),
    "happy": FaceShape(cheeks=0.10, corners=0.10, width=0.08, open=0.06, teeth=1.0, upper_lip=0.02),
    "sad": FaceShape(brow_inner=0.12, brow_outer=-0.08, lids=-0.05, cheeks=0.04, corners=-0.08, width=-0.06),
    "angry": FaceShape(
        brow_inner=-0.14, brow_outer=0.10, lids=0.02, nose=0.04, corners=-0.06, open=0.06, teeth=1.0, upper_lip=0.03
    ),
    "surprised": FaceShape(brow_inner=0.15, brow_outer=0.14, lids=0.08, open=0.28, width=-0.08),
}
# From when on which; it begins at rest, so that the resting face can be learned. The voice says the like, see voice.py.
SCRIPT = ((0.0, "neutral"), (9.5, "happy"), (18.5, "sad"), (28.5, "angry"), (35.0, "surprised"), (44.0, "neutral"))


def shown(time: float) -> tuple[str, str, float]:
    """The expression before, the one now, and how far the change has come (1: it is over)."""
    within = time % SECONDS
    number = max(index for index, (start, _) in enumerate(SCRIPT) if start <= within)
    start, now = SCRIPT[number]
    return SCRIPT[number - 1][1], now, min((within - start) / CHANGE_S, 1.0)


def background(width: int, height: int) -> Image:
    """A plain wall, lighter at the top, with a word that nobody takes for a camera's picture."""
    shade = np.linspace(150, 90, height).astype(np.uint8)
    wall = np.ascontiguousarray(np.broadcast_to(shade[:, None, None], (height, width, 3)))
    place, size = (round(0.02 * width), round(0.97 * height)), height / 480
    cv2.putText(wall, "SAMPLE", place, cv2.FONT_HERSHEY_SIMPLEX, size, (220, 220, 220), 2, cv2.LINE_AA)
    return wall


def picture(wall: Image, time: float) -> Image:
    """The scene at `time` seconds: a pure function, so every run sees the same."""
    height, width = wall.shape[:2]
    scale = height / 480 * (0.95 + 0.2 * math.sin(2 * math.pi * time / 20))
    x = width * (0.5 + 0.16 * math.sin(2 * math.pi * time / 12) + 1.5 * away(time))
    y = height * (0.42 + 0.05 * math.sin(2 * math.pi * time / 7.5))
    tilt = math.radians(4.0 * math.sin(2 * math.pi * time / 9))
    across, down = scale * math.cos(tilt), scale * math.sin(tilt)
    move = np.array(
        [
            [across, -down, x - across * CENTRE[0] + down * CENTRE[1]],
            [down, across, y - down * CENTRE[0] - across * CENTRE[1]],
        ]
    )
    person, opaque = _person(time)
    moved = cv2.warpAffine(person, move, (width, height), flags=cv2.INTER_LINEAR)
    covered = cv2.warpAffine(opaque, move, (width, height), flags=cv2.INTER_LINEAR)
    free = cv2.merge([255 - covered] * 3)
    return np.asarray(cv2.add(moved, cv2.multiply(wall, free, scale=1 / 255)))


def away(time: float) -> float:
    """0 in view, 1 out of view, gliding for a second between."""
    leave, come = AWAY
    within = time % SECONDS
    share = min(1.0, max(0.0, min(within - leave + 1.0, come + 1.0 - within)))
    return 0.5 - 0.5 * math.cos(math.pi * share)


def _person(time: float) -> tuple[Image, NDArray[np.uint8]]:
    """The drawing of this moment, already multiplied by its opacity."""
    before, now, share = shown(time)
    person, opaque = _drawn(now)
    if share < 1.0:
        person = np.asarray(cv2.addWeighted(_drawn(before)[0], 1 - share, person, share, 0.0))
    return person, opaque


@cache
def _drawn(name: str) -> tuple[Image, NDArray[np.uint8]]:
    person, opaque = draw(EXPRESSIONS[name])
    return np.asarray(cv2.multiply(person, cv2.merge([opaque] * 3), scale=1 / 255)), opaque
