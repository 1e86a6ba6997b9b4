"""Liveness: a face that never moves at all is a poster. A person who sits quietly still blinks, breathes and sways.

A face is compared with itself some seconds ago, in small blocks at a fixed place, and against the noise of the rest
of the picture over the same time. Light that changes evenly does not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.boxes import overlap
from edge.face.pixels import resized
from edge.readings import Box

Luma = NDArray[np.uint8]
Blocks = NDArray[np.float32]

_ACROSS = 12  # blocks over the height of a face: small enough for a blink, large enough to average noise away
_LEAST = 2.0  # grey levels: what compression and flicker do to a still picture
_NOISES = 5.0  # times the noise; bright skin is noisier than a dark wall
_COARSE = 6.0  # pixels of a block: then a picture of half the size gives the same means, at a quarter of the work
_REVIVE = 3  # looks in a row with movement make a picture a person again: somebody passing before it does not
_PLACES = 20
_REMEMBER_S = 60.0
_REMEMBER_PICTURE_S = 600.0


@dataclass(slots=True)
class Stillness:
    """What is known of one track's movement."""

    since: float  # of the last movement
    picture: bool = False
    moved: bool = False  # ever, since it was first found
    _stirs: int = 0
    _box: Box | None = None
    _blocks: Blocks = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def look(self, luma: Luma, box: Box, now: float, still_s: float) -> None:
        """Take note of the face, found in `box`. `still_s` 0 switches the judgement off."""
        if still_s <= 0.0:
            self.picture, self._box, self.since = False, None, now
            return
        if self._box is None:
            self._anchor(luma, box)
            return
        if stirred(self._blocks, _blocks(luma, self._box), _within(self._box)):
            self._stirs += 1
            if not self.picture or self._stirs >= _REVIVE:
                self.picture, self.moved, self.since, self._stirs = False, True, now, 0
                self._anchor(luma, box)
            return
        self._stirs = 0
        if now - self.since >= still_s:
            self.picture = True

    def _anchor(self, luma: Luma, box: Box) -> None:
        self._box = box
        self._blocks = _blocks(luma, box)


def stirred(before: Blocks, after: Blocks, face: tuple[slice, slice]) -> bool:
    """Did something move in the face between two pictures, given as mean grey levels of blocks?"""
    if before.shape != after.shape:
        return True
    then, now = before[face], after[face]
    if then.size == 0:
        return False
    change = np.sort(np.abs(now - _relit(then, now)), axis=None)
    most = float(change[-max(1, change.size // 20) :].mean())
    return most > _LEAST + _NOISES * _noise(before, after, face)


def _noise(before: Blocks, after: Blocks, face: tuple[slice, slice]) -> float:
    """Spread of the change where nothing moves: from the calmer third of the picture outside the face."""
    change = after - before
    outside = np.ones(change.shape, bool)
    outside[face] = False
    calm = change[outside] if np.count_nonzero(outside) >= 40 else change.ravel()
    middle = _quantile(np.sort(calm), 0.5)
    return (
        _quantile(np.sort(np.abs(calm - middle)), 0.3) / 0.385
    )  # in a normal distribution 30 % lie within 0.385 sigma


def _quantile(ordered: Blocks, share: float) -> float:
    """As numpy's, for values in order, at a tenth of the work."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (at - below) * (high - low)


def _relit(then: Blocks, now: Blocks) -> Blocks:
    """`then` as it would look in the light of `now`: gain and offset fitted."""
    centred = then - then.mean()
    power = float((centred * centred).sum())
    gain = float((centred * (now - now.mean())).sum()) / power if power > 1e-6 else 1.0
    relit: Blocks = centred * np.float32(min(max(gain, 0.25), 4.0)) + now.mean()
    return relit


def _size(box: Box) -> float:
    return max(1.0, box.height / _ACROSS)


def _blocks(luma: Luma, box: Box) -> Blocks:
    """The whole picture in blocks of a twelfth of the face."""
    size = _size(box)
    height, width = luma.shape
    small = (max(1, round(width / size)), max(1, round(height / size)))
    if size >= _COARSE and not (height % 2 or width % 2):
        luma = resized(luma, width // 2, height // 2)
    blocks: Blocks = cv2.resize(luma.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    return blocks


def _within(box: Box) -> tuple[slice, slice]:
    size = _size(box)
    rows = slice(max(0, round(box.y / size)), max(0, round((box.y + box.height) / size)))
    return rows, slice(max(0, round(box.x / size)), max(0, round((box.x + box.width) / size)))


@dataclass(frozen=True, slots=True)
class _Place:
    box: Box
    since: float
    picture: bool
    until: float


class Places:
    """Where something stood still when its track was lost: a box and a time, no pixels.

    Without it a poster that is found only now and then would be a new person each time.
    """

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def leave(self, box: Box, stillness: Stillness, now: float) -> None:
        """The track in `box` is gone; what ever moved leaves nothing behind."""
        if stillness.picture or not stillness.moved:
            until = now + (_REMEMBER_PICTURE_S if stillness.picture else _REMEMBER_S)
            self._places = [place for place in self._places if overlap(place.box, box) < 0.5][-_PLACES + 1 :]
            self._places.append(_Place(box, stillness.since, stillness.picture, until))

    def enter(self, box: Box, now: float) -> Stillness:
        """For a new track in `box`: it goes on being still where something was still before."""
        self._places = [place for place in self._places if place.until > now]
        for place in self._places:
            if overlap(place.box, box) >= 0.5:
                return Stillness(place.since, place.picture)
        return Stillness(now)
