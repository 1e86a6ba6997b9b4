"""A face that is drawn: nobody's, so that no portrait need be shipped, and one that moves its features.

Finder and face model read it as they read a photograph; `tests/demo/test_face.py` holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.readings import Image

Plane = NDArray[np.float32]
Outline = list[tuple[float, float]]  # halves of the face's height, from its centre

SIDE = 512  # pixels of the drawing
CENTRE = (256.0, 250.0)  # of the face in it
_UNIT = 130.0  # pixels: half the height of the face, chin to hairline

_SKIN = np.array((142.0, 172.0, 214.0), np.float32)  # BGR, as OpenCV has it
_HAIR = np.array((38.0, 46.0, 62.0), np.float32)
_SHIRT = np.array((120.0, 96.0, 70.0), np.float32)
_LIP = np.array((104.0, 108.0, 176.0), np.float32)
_DARK = np.array((34.0, 30.0, 44.0), np.float32)
_WHITE = np.array((222.0, 226.0, 230.0), np.float32)
_IRIS = np.array((70.0, 92.0, 84.0), np.float32)


@dataclass(frozen=True, slots=True)
class FaceShape:
    """How far each feature is from rest, 0 at rest; lengths in halves of the face's height."""

    brow_inner: float = 0.0  # up
    brow_outer: float = 0.0  # up
    lids: float = 0.0  # wider
    cheeks: float = 0.0  # raised: the lower lids too
    nose: float = 0.0  # wrinkled
    corners: float = 0.0  # of the mouth, up
    width: float = 0.0  # of the mouth
    open: float = 0.0  # the mouth
    teeth: float = 0.0
    upper_lip: float = 0.0  # up

    def towards(self, other: FaceShape, share: float) -> FaceShape:
        """Between this one (0) and another (1)."""
        return FaceShape(
            **{
                each.name: (1 - share) * getattr(self, each.name) + share * getattr(other, each.name)
                for each in fields(self)
            }
        )


def draw(expression: FaceShape) -> tuple[Image, NDArray[np.uint8]]:
    """A square picture with the person, and how opaque each pixel is. A pure function."""
    canvas = np.zeros((SIDE, SIDE, 3), np.float32)
    alpha = np.zeros((SIDE, SIDE), np.float32)
    e = expression
    _person(canvas, alpha)
    _shade(canvas, alpha)
    _soft(canvas, (-0.33, -0.22), (0.24, 0.13), 0.80)
    _soft(canvas, (0.33, -0.22), (0.24, 0.13), 0.80)
    _nose(canvas, e)
    _folds(canvas, e)
    for side in (-1.0, 1.0):
        _eye(canvas, e, side)
        _brow(canvas, e, side)
    _mouth(canvas, e)
    grain = np.random.default_rng(0).normal(0.0, 1.0, (SIDE, SIDE)).astype(np.float32)
    canvas += cv2.GaussianBlur(grain, (0, 0), 1.2)[..., None] * 5.0
    canvas = cv2.GaussianBlur(canvas, (0, 0), 1.1)
    opaque = (np.clip(cv2.GaussianBlur(alpha, (0, 0), 1.1), 0, 1) * 255).astype(np.uint8)
    return np.clip(canvas, 0, 255).astype(np.uint8), opaque


def _person(canvas: Plane, alpha: Plane) -> None:
    """Shoulders, neck, hair, ears and the oval of the face."""
    for colour, shape in (
        (_SHIRT, _ellipse((0.0, 2.25), (1.55, 0.95))),
        (_SKIN * 0.72, [(-0.38, 0.6), (0.38, 0.6), (0.46, 1.55), (-0.46, 1.55)]),
        (_HAIR, _ellipse((0.0, -0.28), (0.88, 0.98))),
        (_SKIN * 0.82, _ellipse((-0.78, -0.05), (0.1, 0.2))),
        (_SKIN * 0.82, _ellipse((0.78, -0.05), (0.1, 0.2))),
        (_SKIN, _oval()),
    ):
        mask = _mask(shape)
        _blend(canvas, mask, colour, 1.0)
        np.maximum(alpha, mask, out=alpha)
    hairline = _mask(
        [(-0.86, -0.2), (-0.66, -0.62), (-0.3, -0.78), (0.1, -0.7), (0.6, -0.62), (0.84, -0.2), (0.86, -1.3),
         (-0.86, -1.3)]
    )  # fmt: skip
    _blend(canvas, cv2.GaussianBlur(hairline * alpha, (0, 0), 2.0), _HAIR, 1.0)


def _oval() -> list[tuple[float, float]]:
    """Wider at the cheekbones than at the chin."""
    points = []
    for angle in np.linspace(0, 2 * np.pi, 72, endpoint=False):
        x, y = np.sin(angle), -np.cos(angle)
        narrow = 1.0 - 0.22 * max(y, 0.0) ** 1.5
        points.append((0.76 * x * narrow, 0.98 * y + 0.02))
    return points


def _shade(canvas: Plane, alpha: Plane) -> None:
    """Light from above and a little from the left, as on a ball; the neck lies in the shadow of the chin."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    u, v = (x - CENTRE[0]) / _UNIT, (y - CENTRE[1]) / _UNIT
    depth = np.sqrt(np.clip(1.0 - (u / 0.98) ** 2 - (v / 1.25) ** 2, 0.0, 1.0))
    light = 0.62 + 0.42 * depth - 0.10 * u - 0.07 * v
    canvas *= np.where(alpha > 0, np.clip(light, 0.45, 1.12), 1.0)[..., None]


def _eye(canvas: Plane, e: FaceShape, side: float) -> None:
    x, y = 0.33 * side, -0.2
    up = max(0.075 + 0.5 * e.lids, 0.008)
    down = max(0.05 + 0.2 * e.lids - 0.25 * e.cheeks, 0.004)
    inner, outer = (x - 0.165 * side, y + 0.015), (x + 0.17 * side, y - 0.005)
    upper = [_between(inner, outer, t, -up) for t in np.linspace(0, 1, 15)]
    lower = [_between(outer, inner, t, down) for t in np.linspace(0, 1, 15)]
    opening = _mask(upper + lower)
    _fill(canvas, upper + lower, _WHITE)
    _fill(canvas, _ellipse((x, y - 0.012), (0.082, 0.082)), _IRIS, within=opening)
    _fill(canvas, _ellipse((x, y - 0.012), (0.038, 0.038)), _DARK, within=opening)
    _fill(canvas, _ellipse((x - 0.025, y - 0.04), (0.016, 0.016)), _WHITE, within=opening)
    _line(canvas, upper, 0.026, _DARK, 0.9)
    _line(canvas, lower, 0.012, _DARK, 0.45)
    crease = [(px, py - 0.05 - 0.06 * e.lids) for px, py in upper[2:-2]]
    _line(canvas, crease, 0.014, _SKIN * 0.55, 0.5)
    if e.cheeks > 0:
        _line(canvas, [(px, py + 0.07) for px, py in lower[2:-2]], 0.02, _SKIN * 0.55, min(2.5 * e.cheeks, 0.6))


def _between(a: tuple[float, float], b: tuple[float, float], t: float, bulge: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t + bulge * 4 * t * (1 - t)


def _brow(canvas: Plane, e: FaceShape, side: float) -> None:
    inner, outer = -0.40 - e.brow_inner, -0.37 - e.brow_outer
    closer = 0.12 - 0.25 * max(-e.brow_inner, 0.0)
    points = [
        (side * (closer + 0.44 * t), inner + (outer - inner) * t - 0.06 * np.sin(np.pi * t) ** 1.2)
        for t in np.linspace(0, 1, 13)
    ]
    _line(canvas, points, 0.065, _HAIR * 1.1, 0.85, taper=True)
    frown = max(-e.brow_inner, 0.0)
    if frown > 0.01:
        _line(canvas, [(side * 0.06, -0.46), (side * 0.05, -0.32)], 0.02, _SKIN * 0.5, min(5 * frown, 0.7))
    raised = max(min(e.brow_inner, e.brow_outer + 0.1), 0.0)
    if raised > 0.03:
        for row in (-0.60, -0.67):
            _line(
                canvas,
                [(t * 0.32, row + 0.03 * t * t) for t in np.linspace(-1, 1, 9)],
                0.015,
                _SKIN * 0.6,
                min(3 * raised, 0.5),
            )


def _nose(canvas: Plane, e: FaceShape) -> None:
    up = 0.5 * e.nose
    _soft(canvas, (0.10, 0.02), (0.06, 0.24), 0.90)
    _soft(canvas, (-0.03, 0.0), (0.05, 0.26), 1.07)
    _soft(canvas, (0.0, 0.245 - up), (0.17, 0.05), 0.72)
    _soft(canvas, (0.0, 0.17 - up), (0.08, 0.07), 1.08)
    for side in (-1.0, 1.0):
        _fill(canvas, _ellipse((0.072 * side, 0.225 - up), (0.036, 0.02)), _DARK, 0.7)
        wing = [
            (side * (0.125 + 0.1 * e.nose), 0.13 - up),
            (side * (0.155 + 0.15 * e.nose), 0.19 - up),
            (side * 0.13, 0.235 - up),
        ]
        _line(canvas, wing, 0.018, _SKIN * 0.5, 0.6)
        if e.nose > 0.01:
            for row in (-0.16, -0.09, -0.02):
                _line(canvas, [(side * 0.03, row), (side * 0.13, row - 0.05)], 0.018, _SKIN * 0.5, min(5 * e.nose, 0.6))


def _folds(canvas: Plane, e: FaceShape) -> None:
    """From the wings of the nose to the corners of the mouth."""
    strength = min(0.18 + 1.6 * max(e.cheeks, e.nose, e.upper_lip, 0.0), 0.75)
    for side in (-1.0, 1.0):
        bend = 0.06 + 0.5 * max(e.corners, 0.0) + 0.2 * e.width
        points = [
            (side * (0.17 + (0.17 + bend) * t + 0.05 * np.sin(np.pi * t)), 0.2 + 0.34 * t - 0.4 * e.nose * (1 - t))
            for t in np.linspace(0, 1, 9)
        ]
        _line(canvas, points, 0.028, _SKIN * 0.55, strength)
        if e.cheeks > 0:
            _soft(canvas, (side * 0.42, 0.12), (0.16, 0.1), 1.0 + 0.35 * e.cheeks)


def _mouth(canvas: Plane, e: FaceShape) -> None:
    half, y = 0.27 + e.width, 0.50
    gap = max(e.open, 0.0)
    corner = y - e.corners
    sign = np.linspace(-1, 1, 25)
    arch = 1 - sign**2
    top = y - 0.12 * gap - e.upper_lip - 0.012
    bottom = y + 0.9 * gap + 0.012
    inner_top = [(half * s, corner + (top - corner) * a) for s, a in zip(sign, arch, strict=True)]
    inner_bottom = [(half * s, corner + (bottom - corner) * a) for s, a in zip(sign, arch, strict=True)]
    bow = 0.075 * (1 - 0.35 * np.cos(np.pi * sign * 2.2) * (np.abs(sign) < 0.45))
    outer_top = [(1.05 * px, py - b * a**0.6) for (px, py), b, a in zip(inner_top, bow, arch, strict=True)]
    outer_bottom = [(1.03 * px, py + 0.09 * a**0.7) for (px, py), a in zip(inner_bottom, arch, strict=True)]
    _fill(canvas, outer_top + inner_bottom[::-1], _LIP * 0.92, 0.85)
    _fill(canvas, inner_top + outer_bottom[::-1], _LIP, 0.85)
    if gap > 0.005 or e.upper_lip > 0.01:
        inside = _mask(inner_top + inner_bottom[::-1])
        _fill(canvas, inner_top + inner_bottom[::-1], _DARK, 0.95)
        if e.teeth > 0:
            height = min(0.12, 0.7 * (bottom - top))
            rows = [(px, py + height * a) for (px, py), a in zip(inner_top, arch, strict=True)]
            _fill(canvas, inner_top + rows[::-1], _WHITE, min(e.teeth, 1.0), within=inside)
            low = [(px, py - 0.5 * height * a) for (px, py), a in zip(inner_bottom, arch, strict=True)]
            _fill(canvas, low + inner_bottom[::-1], _WHITE * 0.9, max(min(e.teeth - 0.5, 1.0), 0.0), within=inside)
    else:
        _line(canvas, inner_top, 0.018, _DARK, 0.75)
    _soft(canvas, (0.0, bottom + 0.16), (0.2, 0.05), 0.86)
    for side in (-1.0, 1.0):
        _soft(canvas, (side * (half + 0.03), corner), (0.045, 0.05), 0.78)


def _soft(canvas: Plane, centre: tuple[float, float], size: tuple[float, float], factor: float) -> None:
    """Darken or lighten around a point."""
    middle, spread = _place(centre), (size[0] * _UNIT, size[1] * _UNIT)
    rows, columns = (_reach(middle[axis], 2.5 * spread[axis]) for axis in (1, 0))
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) - middle[0]) / spread[0]
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) - middle[1]) / spread[1]
    bump = np.exp(-(y**2))[:, None] * np.exp(-(x**2))[None, :]
    canvas[rows, columns] *= (1.0 + (factor - 1.0) * bump)[..., None]


def _line(canvas: Plane, points: Outline, width: float, colour: Plane, opacity: float, *, taper: bool = False) -> None:
    """A soft stroke; `taper` makes it thinner towards its end."""
    where = _pixels(points)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    for number in range(len(where) - 1):
        share = 1.0 - 0.55 * number / len(where) if taper else 1.0
        begin, end = (tuple(map(int, where[each])) for each in (number, number + 1))
        cv2.line(mask, begin, end, 255, max(1, round(width * share * _UNIT)), cv2.LINE_AA)
    edge = width * _UNIT + 6
    rows, columns = _around(where, edge)
    soft = cv2.GaussianBlur(mask[rows, columns], (0, 0), 1.4).astype(np.float32) / 255
    _blend(canvas[rows, columns], soft, colour, opacity)


def _fill(canvas: Plane, points: Outline, colour: Plane, opacity: float = 1.0, within: Plane | None = None) -> None:
    """A shape, or what of it lies within another."""
    mask = _mask(points)
    rows, columns = _around(_pixels(points), 2)
    part = mask[rows, columns] if within is None else mask[rows, columns] * within[rows, columns]
    _blend(canvas[rows, columns], part, colour, opacity)


def _blend(canvas: Plane, mask: Plane, colour: Plane, opacity: float) -> None:
    share = (mask * np.float32(opacity))[..., None]
    canvas += share * (colour - canvas)


def _mask(points: Outline) -> Plane:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [_pixels(points)], 255, cv2.LINE_AA)
    return mask.astype(np.float32) / 255


def _around(where: NDArray[np.int32], edge: float) -> tuple[slice, slice]:
    low, high = where.min(0) - edge, where.max(0) + edge
    return tuple(slice(max(int(low[n]), 0), max(int(high[n]) + 1, 1)) for n in (1, 0))  # type: ignore[return-value]


def _reach(middle: float, far: float) -> slice:
    return slice(max(int(middle - far), 0), min(int(middle + far) + 1, SIDE))


def _place(point: tuple[float, float]) -> tuple[float, float]:
    return point[0] * _UNIT + CENTRE[0], point[1] * _UNIT + CENTRE[1]


def _pixels(points: Outline) -> NDArray[np.int32]:
    places: NDArray[np.float32] = np.asarray(points, np.float32) * _UNIT + np.array(CENTRE, np.float32)
    return np.round(places).astype(np.int32)


def _ellipse(centre: tuple[float, float], size: tuple[float, float]) -> Outline:
    return [
        (centre[0] + size[0] * float(np.cos(angle)), centre[1] + size[1] * float(np.sin(angle)))
        for angle in np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ]
