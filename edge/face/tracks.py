"""Who is in view: tracks begin, continue and end. A track is a number while somebody stays, and nothing more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.config import schema
from edge.face import follow
from edge.face.boxes import around, centre, overlap, pairs
from edge.face.liveness import Places, Stillness
from edge.face.movement import Movement
from edge.face.quality import pose
from edge.readings import Box, FaceQuality, FoundFace, Probabilities

Luma = NDArray[np.uint8]

# What was found once is often a pattern in the wallpaper. Such patterns are found now and then with hardly the least
# score; a face is found again at once, and surely: two finds, or more if together they are below this many min_scores.
CONFIRMED = 2
_EVIDENCE = 3.0
_TENTATIVE_MISSES = 2  # in all
_SPARE = 5  # tracks beyond max_people: posters, and what is not confirmed yet
_MISSES = 2  # looks at least, so that at two frames a second nobody is lost between two looks

_FOLLOWED = 0.55  # the patch matches: the face is where we think
_SURE = 0.8  # it matches so well that the face is still there, though turned or tilted beyond what the finder knows
_SURE_HITS = 5
_SLOW = 0.25  # heights a second
_SURE_LIMIT = 3.0  # times forget_s without the finder, at most: a background matches itself for ever

_COVERED = 0.45  # overlap: two tracks on one face
_VELOCITY_S = 0.6  # time constant of its smoothing
_COAST_S = 1.0  # a hidden face is expected to go on as it went for so long

_NEW_PLACE, _NEW_SIZE = 0.5, 0.35  # weight of a find against what was followed: steady, not slow
_JUMP = 0.25  # heights: farther than this off, the follower was wrong and the find is taken as it is


@dataclass(slots=True)
class Track:
    """One face in view. Boxes are in pixels of the searched picture."""

    box: Box
    score: float
    found: float  # when the finder last found it, and where
    seen: float  # when it was last surely there
    patch: follow.Patch
    stillness: Stillness
    number: int = 0  # 0 until confirmed
    hits: int = 1
    evidence: float = 0.0  # sum of scores
    misses: int = 0
    match: float = 1.0
    last_place: Box | None = None  # where the finder last saw it
    shown: bool = False
    classified: float | None = None
    probabilities: Probabilities = ()
    quality: float = 0.0
    detail: FaceQuality = field(default_factory=FaceQuality)
    pose: float = 1.0
    mirrored: bool = False  # which way round it was last classified
    velocity: tuple[float, float] = (0.0, 0.0)  # pixels of the searched picture a second
    followed: float = 0.0  # when `box` was last moved
    movement: Movement = field(default_factory=Movement)

    @property
    def steady(self) -> bool:
        """Is a face that was found again and again followed without doubt, and does it hardly move?"""
        sure = self.number and self.match >= _SURE and self.hits >= _SURE_HITS
        return bool(sure) and math.hypot(*self.velocity) < _SLOW * self.box.height

    @property
    def in_sight(self) -> bool:
        """Is the face where the box is, in this frame?"""
        return self.match >= _FOLLOWED


class Tracks:
    """All tracks. Numbers count up from 1 and are never used again in this run."""

    def __init__(self) -> None:
        self.all: list[Track] = []
        self._last_number = 0
        self._places = Places()

    @property
    def known(self) -> list[Track]:
        return [track for track in self.all if track.number]

    @property
    def tentative(self) -> bool:
        return any(not track.number for track in self.all)

    def follow(self, luma: Luma, now: float, forget_s: float) -> None:
        """Move every track to where its face is in this picture, if it can be told."""
        ahead = [_coasted(track, now) for track in self.all]
        for track, expected in zip(self.all, ahead, strict=True):
            start = track.box if track.in_sight else expected
            track.box, track.match = follow.follow(luma, start, track.patch)
            track.followed = now
        for track, expected in zip(self.all, ahead, strict=True):
            if track.in_sight and self._covered(track):
                track.match = 0.0
            if not track.in_sight:
                track.box = expected
                continue
            if track.match >= _SURE and track.hits >= _SURE_HITS and now - track.found < _SURE_LIMIT * forget_s:
                track.seen = now

    def _covered(self, track: Track) -> bool:
        """Does this track lie on the face of another that fits better? Two people who cross are not one."""
        return any(
            other is not track
            and other.number
            and other.match > track.match
            and overlap(other.box, track.box) > _COVERED
            for other in self.all
        )

    def update(self, faces: Sequence[FoundFace], luma: Luma, now: float, settings: schema.FaceConfig) -> None:
        """Take in what a look found, the largest faces first; how many tracks there can be is bounded."""
        most = settings.max_people + _SPARE
        faces = sorted(faces, key=lambda f: (-f.box.height, f.box.x, f.box.y))[:most]
        taken = pairs([track.box for track in self.all], faces)
        for i, track in enumerate(self.all):
            if i in taken:
                self._found(track, faces[taken[i]], luma, now, settings)
            else:
                track.misses += 1
        fresh = [face for j, face in enumerate(faces) if j not in set(taken.values())]
        for face in sorted(fresh, key=lambda f: centre(f.box))[: max(0, most - len(self.all))]:
            self.all.append(self._begin(face, luma, now))

    def forget(self, now: float, forget_s: float) -> None:
        """Let go of those who left. A number is never given again."""
        stay = []
        for track in self.all:
            if track.number:
                gone = now - track.seen > forget_s and track.misses >= _MISSES
            else:
                gone = track.misses >= _TENTATIVE_MISSES
            if not gone:
                stay.append(track)
            elif track.number:
                self._places.leave(track.box, track.stillness, now)
        self.all = stay

    def reset(self) -> None:
        """Forget everybody and everything, except the last number."""
        self.all = []
        self._places = Places()

    def _begin(self, face: FoundFace, luma: Luma, now: float) -> Track:
        stillness = self._places.enter(face.box, now)
        return Track(
            face.box, face.score, now, now, follow.take(luma, face.box), stillness,
            evidence=face.score, pose=pose(face), followed=now,
        )  # fmt: skip

    def _found(self, track: Track, face: FoundFace, luma: Luma, now: float, settings: schema.FaceConfig) -> None:
        box = _blended(track.box, face.box) if track.in_sight else face.box
        track.velocity = _velocity(track, face.box, now)
        track.box = track.last_place = box
        track.followed = now
        track.score = face.score
        track.pose += _NEW_PLACE * (pose(face) - track.pose)
        track.found = track.seen = now
        track.hits += 1
        track.evidence += face.score
        track.match = 1.0
        track.patch = follow.take(luma, track.box)
        track.stillness.look(luma, track.box, now, settings.still_s)
        if track.number:
            track.misses = 0
        elif track.hits >= CONFIRMED and track.evidence >= _EVIDENCE * settings.min_score:
            self._last_number += 1
            track.number = self._last_number
            track.misses = 0


def _velocity(track: Track, found: Box, now: float) -> tuple[float, float]:
    """Smoothed, from where the finder saw the face last time."""
    seconds = now - track.found
    if seconds <= 0.0 or track.last_place is None:
        return track.velocity
    (x, y), (before_x, before_y) = centre(found), centre(track.last_place)
    weight = min(1.0, seconds / _VELOCITY_S)
    vx, vy = track.velocity
    return vx + weight * ((x - before_x) / seconds - vx), vy + weight * ((y - before_y) / seconds - vy)


def _coasted(track: Track, now: float) -> Box:
    """Where the face should be by now if it went on as it did, out of sight for a moment."""
    seconds = now - track.followed
    if now - track.found > _COAST_S or seconds <= 0.0:
        return track.box
    box = track.box
    return Box(box.x + track.velocity[0] * seconds, box.y + track.velocity[1] * seconds, box.width, box.height)


def _blended(followed: Box, found: Box) -> Box:
    """Between where the follower and the finder see the face, so that the crop does not tremble."""
    (x, y), (fx, fy) = centre(followed), centre(found)
    if max(abs(fx - x), abs(fy - y)) > _JUMP * found.height:
        return found
    return around(
        x + _NEW_PLACE * (fx - x),
        y + _NEW_PLACE * (fy - y),
        followed.width + _NEW_SIZE * (found.width - followed.width),
        followed.height + _NEW_SIZE * (found.height - followed.height),
    )
