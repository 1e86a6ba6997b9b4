"""Rectangles compared with rectangles: pure geometry."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.readings import Box, FoundFace

# Two boxes can be the same face when they overlap this much, or when their centres are this near (in heights)
# and their sizes alike: fast heads leave their old box, but do not change their size at once.
_OVERLAP = 0.3
_NEAR = 0.6
_SIZES = 1.6


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0.0 or height <= 0.0:
        return 0.0
    both = width * height
    return both / (a.width * a.height + b.width * b.height - both)


def centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def around(x: float, y: float, width: float, height: float) -> Box:
    """The box of that size with its centre at (x, y)."""
    return Box(x - width / 2, y - height / 2, width, height)


def scaled(box: Box, across: float, down: float) -> Box:
    """The box in a picture that is `across` times as wide and `down` times as high."""
    return Box(box.x * across, box.y * down, box.width * across, box.height * down)


def affinity(a: Box, b: Box) -> float:
    """How well two boxes fit as one face at two moments: 0 not at all, 2 perfectly."""
    if max(a.height, b.height) > _SIZES * max(min(a.height, b.height), 1e-9):
        return 0.0
    shared = overlap(a, b)
    (ax, ay), (bx, by) = centre(a), centre(b)
    distance = math.hypot(ax - bx, ay - by) / max(a.height, b.height)
    if shared < _OVERLAP and distance > _NEAR:
        return 0.0
    return shared + max(0.0, 1.0 - distance)


def pairs(tracks: Sequence[Box], faces: Sequence[FoundFace]) -> dict[int, int]:
    """Which face continues which track: the best pair first, each used once at most.

    The answer does not depend on the order of `faces`: ties go by place, not by index.
    """
    candidates = [
        (-fit, centre(face.box), i, j)
        for i, box in enumerate(tracks)
        for j, face in enumerate(faces)
        if (fit := affinity(box, face.box)) > 0.0
    ]
    candidates.sort()
    taken: dict[int, int] = {}
    used: set[int] = set()
    for _, _, i, j in candidates:
        if i not in taken and j not in used:
            taken[i] = j
            used.add(j)
    return taken


def without_doubles(faces: Sequence[FoundFace], limit: float = 0.35) -> list[FoundFace]:
    """The surest faces, without those that overlap, or lie inside, a better one. A larger one counts more: a mouth
    can look like a face, the face around it is the better answer."""
    kept: list[FoundFace] = []
    for face in sorted(faces, key=lambda f: (-f.score * f.box.height**0.5, f.box.x, f.box.y)):
        if all(overlap(face.box, other.box) < limit and not _inside(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda f: (-f.score, f.box.x, f.box.y))


def _inside(a: Box, b: Box) -> bool:
    """Does the centre of the smaller lie in the larger?"""
    small, large = (a, b) if a.height < b.height else (b, a)
    (sx, sy), (lx, ly) = centre(small), centre(large)
    return abs(sx - lx) < large.width / 2 and abs(sy - ly) < large.height / 2
