"""What found faces before: two cascades that OpenCV brings along up to version 4. Kept to compare with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingPackage
from edge.face.boxes import centre, overlap, without_doubles
from edge.face.finder import moved
from edge.readings import Box, FoundFace

Luma = NDArray[np.uint8]

# The first looks everywhere: of OpenCV's cascades it finds most with fewest false alarms (400 faces of GENKI-4K at
# 48 pixels: 93.5 % found, alarms in 0.3 % of the pictures; `default`: 87.7 % and 0.7 %). Where it is not sure, the
# second gives its opinion on a close view: it confirmed 98 % of 333 faces, and 23 % of 48 finds beside the labelled
# face, of which some are faces too: only one face is labelled in each picture.
_FIRST = "haarcascade_frontalface_alt2.xml"
_SECOND = "haarcascade_frontalface_alt.xml"
_SYSTEM_FOLDERS = (Path("/usr/share/opencv4/haarcascades"), Path("/usr/share/opencv/haarcascades"))
_WINDOW = 20  # the cascades' own size: they find nothing smaller
# From one size to the next. 1.1 finds no more faces of 48 pixels, 80 instead of 71 % of those of 32, for 1.7 times
# the work; close views make up for it.
_STEP = 1.2

_SURE = 9  # windows that agree: no second opinion is needed

# The cascades give a square from the forehead down. The median over GENKI-4K of what a landmark detector calls
# the face, in sides of that square: its height (1.02 for faces of 30 pixels, 1.11 for large ones), its width, and
# how much lower its centre lies.
_HEIGHT, _WIDTH, _LOWER = 1.08, 0.825, 0.015

# The cascades skip windows with less contrast than 10 grey levels: at an eighth of the light 1.5 % of faces of 48
# pixels are found, and 84 % with the noise smoothed and the contrast stretched. In ordinary light that would hurt.
# The close view: heights of the face in it, and what must at least be found there.
_FACE, _SMALLEST, _REACH = 44.0, 30, 2.0
_DARK = 70  # nine tenths of the picture are darker
_PALE = 70  # between the darkest and the brightest hundredth


class HaarFinder:
    """A Finder."""

    def __init__(self, min_score: float = 0.5, min_size: int = 20) -> None:
        self._first, self._second = _load(_FIRST), _load(_SECOND)
        self._min_score = min_score
        self._side = max(_WINDOW, round(min_size / _HEIGHT))

    def find(self, luma: Luma) -> list[FoundFace]:
        faces = []
        for box, windows in _squares(self._first, luma, self._side):
            total = windows if windows >= _SURE else self._second_opinion(luma, box, windows)
            if _score(total) >= self._min_score:
                faces.append(FoundFace(box, _score(total)))
        return without_doubles(faces)

    def _second_opinion(self, luma: Luma, box: Box, windows: int) -> int:
        """Windows that agree in all; 0 if the second cascade sees no face there."""
        view, scale, left, top = _close_up(luma, box)
        there = [
            count
            for found, count in _squares(self._second, view, round(_SMALLEST / _HEIGHT))
            if overlap(moved(FoundFace(found, 0.0), scale, left, top).box, box) >= 0.4
        ]
        return windows + max(there) if there else 0


def evened(luma: Luma) -> Luma:
    """A dark or pale picture with its contrast stretched; others as they are."""
    darkest, most, brightest = np.percentile(luma[::4, ::4], (1, 90, 99))
    if most < _DARK:
        luma = cv2.GaussianBlur(luma, (3, 3), 0)
    elif brightest - darkest >= _PALE:
        return luma
    stretched: Luma = cv2.equalizeHist(luma)
    return stretched


def _squares(cascade: Any, luma: Luma, side: int) -> list[tuple[Box, int]]:
    """What a cascade finds, as face boxes, each with the number of windows that agreed (two at least)."""
    if min(luma.shape) < side:
        return []
    squares, counts = cascade.detectMultiScale2(evened(luma), scaleFactor=_STEP, minNeighbors=1, minSize=(side, side))
    return [
        (_face_box(float(x), float(y), float(side)), int(count))
        for (x, y, side, _), count in zip(squares, np.ravel(counts), strict=True)
    ]


def _close_up(luma: Luma, box: Box) -> tuple[Luma, float, int, int]:
    """What is in and around `box`, its scale and its corner in the picture."""
    x, y = centre(box)
    reach = max(8.0, _REACH * box.height / 2)
    height, width = luma.shape
    left, top = min(max(0, round(x - reach)), width - 1), min(max(0, round(y - reach)), height - 1)
    right, bottom = (
        max(left + 1, min(width, round(x + reach))),
        max(top + 1, min(height, round(y + reach))),
    )
    scale = _FACE / max(box.height, 1.0)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    view = cv2.resize(
        luma[top:bottom, left:right], size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    )
    return np.asarray(view, np.uint8), scale, left, top


def _score(windows: int) -> float:
    """How many windows agreed, as 0..1: four make the default threshold of 0.5."""
    return windows / (windows + 4.0)


def _face_box(x: float, y: float, side: float) -> Box:
    height, width = _HEIGHT * side, _WIDTH * side
    return Box(x + (side - width) / 2, y + (side - height) / 2 + _LOWER * side, width, height)


@cache
def _cascade_file(name: str) -> Path:
    folders = [Path(cv2.data.haarcascades)] if hasattr(cv2, "data") else []  # the system's cv2 has no cv2.data
    for folder in (*folders, *_SYSTEM_FOLDERS):
        if (folder / name).is_file():
            return folder / name
    raise MissingPackage(
        f"OpenCV's face cascade {name} is not installed: apt install opencv-data, "
        "or pip install 'opencv-python-headless<5'"
    )


def _load(name: str) -> Any:
    if not hasattr(cv2, "CascadeClassifier"):
        raise MissingPackage(f"OpenCV {cv2.__version__} finds no faces: pip install 'opencv-python-headless<5'")
    return cv2.CascadeClassifier(str(_cascade_file(name)))
