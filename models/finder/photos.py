"""GENKI-4K and FER2013 as pictures with faces in them, and who is held back."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Grey = NDArray[np.uint8]

HELD_BACK = 500  # photographs that nothing is trained or chosen with: they judge
CHOOSE_BY = 100  # photographs for the threshold and for following the training


@dataclass(frozen=True)
class Photo:
    """A grey picture, its faces (x, y, width, height and five points each), and boxes that may hold one."""

    name: str
    grey: Grey
    boxes: Floats  # faces x 4
    points: Floats  # faces x 5 x 2, the eye on the left of the picture first
    doubtful: Floats  # boxes x 4


@dataclass(frozen=True)
class Parts:
    """The three parts of GENKI-4K."""

    learn: list[Photo]
    choose: list[Photo]
    judge: list[Photo]


def split(photos: list[Photo], seed: int = 0) -> Parts:
    """By a fixed shuffle of the names; look-alikes of a held-back photograph are not learnt from."""
    order = np.random.default_rng(seed).permutation(len(photos))
    mixed = [photos[i] for i in order]
    judge, rest = mixed[:HELD_BACK], mixed[HELD_BACK:]
    known = np.stack([_print(photo.grey) for photo in judge])
    rest = [photo for photo in rest if float((known @ _print(photo.grey)).max()) < 0.95]
    return Parts(rest[CHOOSE_BY:], rest[:CHOOSE_BY], judge)


def _print(grey: Grey) -> Floats:
    """A fingerprint: the product of two is their correlation."""
    small = cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), np.float32)


def find(data: Path) -> Path:
    """The folder with GENKI-4K: `data` itself or `data/genki4k`."""
    for folder in (data / "genki4k", data):
        if (folder / "index.csv").is_file() and (folder / "images").is_dir():
            return folder
    raise SystemExit(f"{data}: GENKI-4K (index.csv with boxes and images/) is not in it")


def load(folder: Path) -> list[Photo]:
    """All photographs with the one face that the index knows."""
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    photos = []
    for row in sorted(rows, key=lambda row: row["file"]):
        if not row["x"]:
            continue  # nobody has said where the face is
        grey = cv2.imread(str(folder / "images" / row["file"]), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise SystemExit(f"{folder / 'images' / row['file']}: cannot be read")
        box = np.array([[float(row[name]) for name in "xywh"]], np.float32)
        points = np.array([[[float(row[f"{p}_x"]), float(row[f"{p}_y"])] for p in ("re", "le", "n", "rm", "lm")]])
        photos.append(Photo(row["file"], grey, box, points.astype(np.float32), np.zeros((0, 4), np.float32)))
    return photos


def held_back(folder: Path) -> frozenset[str]:
    """The names of the photographs that the finder has not seen."""
    return frozenset(photo.name for photo in split(load(folder)).judge)
