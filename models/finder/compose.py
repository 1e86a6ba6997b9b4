"""Scenes for training and judging: faces of photographs, moved, turned, lit, hidden, before backgrounds without any.

Everything is drawn from the generator that is passed in; nothing composed is stored.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face.grid import SIDE
from models.finder.photos import Floats, Grey, Photo

Random = np.random.Generator

_SMALLEST, _LARGEST = 0.085, 0.92  # heights of faces, in sides of the square
_MIRRORED = (1, 0, 2, 4, 3)  # the points of a face in a mirror
_LEAST_SEEN = 0.6  # of a face in the picture, to be asked for


@dataclass
class Scene:
    """A square picture of grey levels with the faces in it."""

    picture: Floats
    boxes: list[Floats] = field(default_factory=list)
    points: list[Floats] = field(default_factory=list)
    doubtful: list[Floats] = field(default_factory=list)

    @property
    def side(self) -> int:
        """Pixels."""
        return len(self.picture)

    @property
    def labels(self) -> tuple[Floats, Floats, Floats]:
        """Boxes, points and doubtful boxes, as arrays."""
        return (
            np.array(self.boxes, np.float32).reshape(-1, 4),
            np.array(self.points, np.float32).reshape(-1, 5, 2),
            np.array(self.doubtful, np.float32).reshape(-1, 4),
        )


@dataclass(frozen=True)
class Bank:
    """What scenes are made of."""

    photos: Sequence[Photo]
    tiles: Sequence[Photo]  # tight pictures of faces
    backgrounds: Sequence[Grey]
    cutouts: Sequence[NDArray[np.uint8]]  # blue, green, red, opacity
    side: int = SIDE  # of the scenes


def read_backgrounds(folder: Path) -> dict[str, Grey]:
    """Pictures without faces by their names; see `models.finder.collect`."""
    found = {path.stem: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(folder.glob("*.png"))}
    if not found:
        raise SystemExit(f"{folder}: no pictures in it; make it with python -m models.finder.collect {folder}")
    return found


def read_cutouts(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Things and animals with opacity, by their names."""
    return {
        path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((folder / "cutouts").glob("*.png"))
    }


def part_of(name: str) -> str:
    """Where a background belongs; pictures of one room or one series stay together."""
    series = "-".join(name.split("-")[:2]) if name.startswith("room-") else re.sub(r"[\d_]+\w?$", "", name)
    return ("judge", "judge", "choose", *["learn"] * 5)[zlib.crc32(series.encode()) % 8]


def draw(bank: Bank, random: Random) -> Scene:
    """A scene for training: a photograph, several faces pasted, or none."""
    kind = random.random()
    if kind < 0.5:
        scene = photograph(bank, random)
    elif kind < 0.75:
        scene = group(bank, random, int(random.integers(1, 5)))
    else:
        scene = empty(bank, random)
    return scene


def photograph(
    bank: Bank, random: Random, height: float | None = None, degrees: float | None = None, *, bare: bool = False
) -> Scene:
    """One photograph, turned and scaled; what it does not fill is background or its own edge.

    A `bare` one has nothing before the face and nothing beside it.
    """
    photo = bank.photos[random.integers(len(bank.photos))]
    if bank.tiles and random.random() < 0.35:
        photo = _other_face(photo, bank.tiles[random.integers(len(bank.tiles))], random)
    side = bank.side
    height = height or _height(random, side, _LARGEST)
    degrees = float(random.normal(0, 14)) if degrees is None else degrees
    move = _move(photo.boxes[0], height, degrees, random, side)
    edge = random.random()
    grey = photo.grey.astype(np.float32)
    inside = warped(grey, move, side, None if edge < 0.3 else float(grey.mean()))
    if edge >= 0.5:
        mask = warped(np.ones_like(grey), move, side, 0.0)
        if edge > 0.75:
            mask = cv2.GaussianBlur(mask, (0, 0), random.uniform(1, 4)) * mask
        inside = mask * inside + (1 - mask) * view(bank, random, side)
    scene = Scene(inside)
    _note(scene, photo, move)
    if not bare and random.random() < 0.25:
        hide(scene, bank, random)
    if not bare and random.random() < 0.15:
        _decoy(scene, bank, random)
    return _maybe_mirrored(scene, random)


def group(bank: Bank, random: Random, people: int, largest: float = 0.48) -> Scene:
    """A few faces with what is around them, pasted softly before a background; other things among them."""
    side = bank.side
    scene = Scene(view(bank, random, side))
    for _ in range(int(random.integers(0, 3))):
        _decoy(scene, bank, random)
    for _ in range(people):
        from_tile = bank.tiles and random.random() < 0.3
        source = bank.tiles if from_tile else bank.photos
        photo = source[random.integers(len(source))]
        if len(photo.boxes) > 1:
            continue
        move = _move(photo.boxes[0], _height(random, side, largest), float(random.normal(0, 14)), random, side)
        mask = _tile_mask(photo, random) if from_tile else _head_mask(photo, random)
        where = warped(mask, move, side, 0.0)
        box = moved_box(photo.boxes[0], move)
        if any(_meet(box, other) for other in scene.boxes):
            continue
        face = warped(photo.grey.astype(np.float32), move, side)
        scene.picture = where * face + (1 - where) * scene.picture
        _note(scene, photo, move)
    if random.random() < 0.25:
        hide(scene, bank, random)
    return _maybe_mirrored(scene, random)


def ordinary(bank: Bank, random: Random) -> Scene:
    """No face: a background, in half of them with a thing or an animal."""
    scene = Scene(view(bank, random, bank.side))
    if random.random() < 0.5:
        _decoy(scene, bank, random, things=1.0)
    return scene


def empty(bank: Bank, random: Random) -> Scene:
    """No face, made hard: a background with things and soft patches, or a photograph whose faces are painted over."""
    side = bank.side
    if random.random() < 0.6:
        scene = Scene(view(bank, random, side))
        for _ in range(int(random.integers(0, 4))):
            _decoy(scene, bank, random)
        return scene
    photo = bank.photos[random.integers(len(bank.photos))]
    picture = photo.grey.astype(np.float32)
    for box in (*photo.boxes, *photo.doubtful):
        picture = _painted_over(picture, box, bank, random)
    move = _move(photo.boxes[0], _height(random, side, _LARGEST), float(random.normal(0, 14)), random, side)
    return Scene(warped(picture, move, side))


def view(bank: Bank, random: Random, side: int) -> Floats:
    """A square cut of a background, as float32."""
    source = bank.backgrounds[random.integers(len(bank.backgrounds))]
    largest = min(source.shape)
    cut = int(np.exp(random.uniform(np.log(min(48, largest)), np.log(largest))))
    top, left = (int(random.integers(0, extent - cut + 1)) for extent in source.shape)
    piece = source[top : top + cut, left : left + cut]
    shrink = cv2.INTER_AREA if cut > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece, (side, side), interpolation=shrink), np.float32)


def hide(scene: Scene, bank: Bank, random: Random) -> None:
    """Something before each face: below, at one side, or across the eyes; half of the face stays visible."""
    side = scene.side
    for x, y, width, height in scene.boxes:
        kind = random.random()
        if kind < 0.4:
            centre, half = (x + width / 2, y + height * random.uniform(0.95, 1.15)), (width * 0.7, height * 0.38)
        elif kind < 0.7:
            edge = x if random.random() < 0.5 else x + width
            centre, half = (edge, y + height / 2), (width * random.uniform(0.2, 0.4), height * 0.7)
        elif kind < 0.85:
            centre, half = (x + width / 2, y + height * 0.38), (width * 0.48, height * random.uniform(0.08, 0.14))
        else:
            centre, half = (x + width / 2, y - height * 0.02), (width * 0.75, height * random.uniform(0.15, 0.26))
        mask = np.zeros((side, side), np.float32)
        corner = (round(centre[0] - half[0]), round(centre[1] - half[1]))
        other = (round(centre[0] + half[0]), round(centre[1] + half[1]))
        if random.random() < 0.5:
            cv2.rectangle(mask, corner, other, 1.0, -1)
        else:
            axes = (max(1, round(half[0])), max(1, round(half[1])))
            cv2.ellipse(mask, (round(centre[0]), round(centre[1])), axes, 0, 0, 360, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), random.uniform(0.4, 1.2))
        shade = view(bank, random, side) if random.random() < 0.5 else np.float32(random.uniform(5, 235))
        scene.picture = mask * shade + (1 - mask) * scene.picture


def moved_box(box: Floats, move: Floats) -> Floats:
    """The box around the moved face, taken for an ellipse."""
    x, y, width, height = box
    cx, cy = move[:, :2] @ (x + width / 2, y + height / 2) + move[:, 2]
    (a, b), (c, d) = move[:, :2]
    half_x = np.hypot(a * width / 2, b * height / 2)
    half_y = np.hypot(c * width / 2, d * height / 2)
    return np.array([cx - half_x, cy - half_y, 2 * half_x, 2 * half_y], np.float32)


def _height(random: Random, side: int, largest: float) -> float:
    return side * float(np.exp(random.uniform(np.log(_SMALLEST), np.log(largest))))


def _move(box: Floats, height: float, degrees: float, random: Random, side: int) -> Floats:
    """The affine map that brings a face to this height and angle, somewhere in the square."""
    x, y, width, tall = box
    scale = height / tall
    stretch = float(np.exp(random.normal(0, 0.05)))
    turn = np.radians(np.clip(degrees, -45, 45))
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag([stretch, 1])
    room_x, room_y = min(0.4 * width * scale, side / 2), min(0.4 * height, side / 2)
    target = np.array([random.uniform(room_x, side - room_x), random.uniform(room_y, side - room_y)])
    shift = target - linear @ (x + width / 2, y + tall / 2)
    return np.asarray(np.concatenate([linear, shift[:, None]], axis=1), np.float32)


def warped(picture: Floats, move: Floats, side: int, beside: float | None = None) -> Floats:
    """The moved picture in a square; what shrinks is averaged, as a camera does. `beside` it, or its own edge."""
    scale = float(abs(np.linalg.det(move[:, :2]))) ** 0.5
    if scale < 0.8:
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        smaller = np.array(size, np.float32) / picture.shape[::-1]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        linear = move[:, :2] / smaller
        shift = move[:, 2] + linear @ (0.5 - 0.5 * smaller)  # pixels have their centres in the middle
        move = np.concatenate([linear, shift[:, None]], axis=1).astype(np.float32)
    edge = cv2.BORDER_REPLICATE if beside is None else cv2.BORDER_CONSTANT
    return np.asarray(cv2.warpAffine(picture, move, (side, side), borderMode=edge, borderValue=beside or 0.0))


def _note(scene: Scene, photo: Photo, move: Floats) -> None:
    """Write down where the faces of the photograph are now."""
    for box, points in zip(photo.boxes, photo.points, strict=True):
        there = moved_box(box, move)
        seen = _seen(there, scene.side)
        if seen >= _LEAST_SEEN:
            scene.boxes.append(there)
            scene.points.append(np.asarray(points @ move[:, :2].T + move[:, 2], np.float32))
        elif seen > 0.05:
            scene.doubtful.append(there)
    scene.doubtful += [moved_box(box, move) for box in photo.doubtful]


def _seen(box: Floats, side: int) -> float:
    x, y, width, height = box
    across = min(x + width, side) - max(x, 0)
    down = min(y + height, side) - max(y, 0)
    return float(max(across, 0) * max(down, 0) / (width * height))


def _meet(box: Floats, other: Floats) -> bool:
    near = 0.6 * (box[2:] + other[2:])
    return bool(np.all(np.abs(box[:2] + box[2:] / 2 - other[:2] - other[2:] / 2) < near))


def _head_mask(photo: Photo, random: Random) -> Floats:
    """Softly the head, or more of the person, around the first face of a photograph."""
    x, y, width, height = photo.boxes[0]
    mask = np.zeros(photo.grey.shape, np.float32)
    wide, high = random.uniform(0.75, 1.6), random.uniform(0.75, 1.5)
    centre = (round(x + width / 2), round(y + height * random.uniform(0.4, 0.6)))
    cv2.ellipse(mask, centre, (round(width * wide), round(height * high)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, height * random.uniform(0.02, 0.1)))
    return np.asarray(mask * _within(photo.grey.shape, 2), np.float32)


def _tile_mask(photo: Photo, random: Random) -> Floats:
    return np.asarray(cv2.GaussianBlur(_within(photo.grey.shape, 3), (0, 0), random.uniform(0.5, 2.5)), np.float32)


def _within(shape: tuple[int, ...], edge: int) -> Floats:
    mask = np.zeros(shape, np.float32)
    mask[edge:-edge, edge:-edge] = 1.0
    return mask


def _decoy(scene: Scene, bank: Bank, random: Random, things: float = 0.6) -> None:
    """Something that is no face, pasted where no face is: a thing, an animal, or a soft patch."""
    side = scene.side
    size = int(side * np.exp(random.uniform(np.log(0.09), np.log(0.8))))
    top, left = (int(random.integers(-size // 4, side - size // 2)) for _ in range(2))
    if bank.cutouts and random.random() < things:
        thing = bank.cutouts[random.integers(len(bank.cutouts))]
        grey, opacity = cv2.cvtColor(thing[:, :, :3], cv2.COLOR_BGR2GRAY), thing[:, :, 3] / np.float32(255)
    else:
        grey = view(bank, random, 64)
        opacity = np.zeros((64, 64), np.float32)
        cv2.ellipse(opacity, (32, 32), (int(random.integers(14, 29)), 28), 0, 0, 360, 1.0, -1)
        opacity = cv2.GaussianBlur(opacity, (0, 0), random.uniform(0.5, 4))
    scale = size / max(grey.shape)
    move = np.array([[scale, 0, left], [0, scale, top]], np.float32)
    mask = warped(opacity.astype(np.float32), move, side, 0.0)
    for x, y, width, height in (*scene.boxes, *scene.doubtful):
        if left < x + width and x < left + size and top < y + height and y < top + size:
            return
    picture = warped(grey.astype(np.float32), move, side, 0.0)
    scene.picture = mask * picture + (1 - mask) * scene.picture


def _painted_over(picture: Floats, box: Floats, bank: Bank, random: Random) -> Floats:
    """Without the face: a piece of background or of the photograph itself lies over it."""
    x, y, width, height = box
    mask = np.zeros(picture.shape, np.float32)
    axes = (max(1, round(width * 0.62)), max(1, round(height * 0.62)))
    cv2.ellipse(mask, (round(x + width / 2), round(y + height / 2)), axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, height * 0.04))
    cover = cv2.resize(view(bank, random, bank.side), picture.shape[::-1])
    if random.random() < 0.5:
        inside = picture[mask > 0.5]
        cover = (cover - cover.mean()) / max(float(cover.std()), 1.0) * inside.std() + inside.mean()
    return np.asarray(mask * cover + (1 - mask) * picture, np.float32)


def _other_face(photo: Photo, tile: Photo, random: Random) -> Photo:
    """The photograph with its first face replaced by that of a tile, brought to the same eyes, nose and mouth."""
    move, _ = cv2.estimateAffinePartial2D(tile.points[0], photo.points[0], method=cv2.LMEDS)
    if move is None or not 0.2 < abs(np.linalg.det(move[:, :2])) ** 0.5 < 8:
        return photo
    x, y, width, height = tile.boxes[0]
    mask = np.zeros(tile.grey.shape, np.float32)
    grow = random.uniform(0.9, 1.15)
    axes = (max(1, round(width / 2 * grow)), max(1, round(height / 2 * grow)))
    cv2.ellipse(mask, (round(x + width / 2), round(y + height / 2)), axes, 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask * _within(mask.shape, 2), (0, 0), 1.5)
    size = photo.grey.shape[::-1]
    where = cv2.warpAffine(mask, move, size)
    face = cv2.warpAffine(tile.grey.astype(np.float32), move, size, borderMode=cv2.BORDER_REPLICATE)
    there = where > 0.5
    if there.sum() < 60:
        return photo
    before = photo.grey.astype(np.float32)
    gain = np.clip(before[there].std() / max(float(face[there].std()), 4.0), 0.5, 2.0)
    face = (face - face[there].mean()) * gain + before[there].mean()
    grey = np.clip(where * face + (1 - where) * before, 0, 255).astype(np.uint8)
    boxes, points = photo.boxes.copy(), photo.points.copy()
    boxes[0] = moved_box(tile.boxes[0], move)
    points[0] = tile.points[0] @ move[:, :2].T + move[:, 2]
    return Photo(photo.name, grey, boxes, points, photo.doubtful)


def _maybe_mirrored(scene: Scene, random: Random) -> Scene:
    if random.random() < 0.5:
        return scene
    side = scene.side

    def flipped(box: Floats) -> Floats:
        return np.array([side - box[0] - box[2], *box[1:]], np.float32)

    points = [np.stack([side - each[:, 0], each[:, 1]], axis=1)[list(_MIRRORED)] for each in scene.points]
    return Scene(
        np.ascontiguousarray(scene.picture[:, ::-1]),
        [flipped(box) for box in scene.boxes],
        points,
        [flipped(box) for box in scene.doubtful],
    )
