"""FER2013 with the votes of FER+, from the Kaggle layout or from lossless mosaics, and the split of it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 48
# FER2013's numbers (angry, disgust, fear, happy, sad, surprise, neutral) as indices into LABELS.
FROM_FER2013 = np.array([3, 5, 4, 1, 2, 6, 0])
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
# Which columns of VOTES, in the order of LABELS.
FROM_FERPLUS = np.array([0, 1, 3, 4, 6, 5, 2])


@dataclass(frozen=True)
class Faces:
    """Images with what people said about them; classes are indices into LABELS."""

    images: NDArray[np.uint8]  # items x 48 x 48
    label: NDArray[np.int64]  # FER2013's own
    votes: NDArray[np.float32]  # items x 10, in the order of VOTES
    group: NDArray[np.int64]  # identical images share a number

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: NDArray[np.generic]) -> Faces:
        return Faces(self.images[chosen], self.label[chosen], self.votes[chosen], self.group[chosen])

    @property
    def seven(self) -> NDArray[np.float32]:
        """Votes for our classes, in the order of LABELS."""
        return self.votes[:, FROM_FERPLUS]


def load(folder: Path, usage: str) -> Faces:
    """The faces of one part ("Training", "PublicTest") without what is no face.

    Training images that also occur in a later part are left out.
    """
    images, label, votes, part, usable = _mosaics(folder) if _has_mosaics(folder) else _kaggle(folder)
    group = _groups(images)
    chosen = (part == usage) & usable & (votes[:, FROM_FERPLUS].sum(axis=1) > 0)
    if usage == "Training":
        chosen &= ~np.isin(group, group[part != "Training"])
    return Faces(images[chosen], FROM_FER2013[label[chosen]], votes[chosen], group[chosen])


def split(faces: Faces, fraction: float, seed: int) -> tuple[Faces, Faces]:
    """Training and validation faces; copies of an image stay on one side."""
    groups = np.unique(faces.group)
    held = np.random.default_rng(seed).permutation(groups)[: round(len(groups) * fraction)]
    aside = np.isin(faces.group, held)
    return faces[~aside], faces[aside]


def strict_majority(faces: Faces) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which faces have one of our classes on more than half of all votes, and that class for every face."""
    seven = faces.seven
    return seven.max(axis=1) > faces.votes.sum(axis=1) / 2, seven.argmax(axis=1)


def _has_mosaics(folder: Path) -> bool:
    return (folder / "index.csv").is_file()


def find(data: Path) -> Path:
    """The folder with FER2013: `data` itself or `data/fer2013`."""
    for folder in (data, data / "fer2013"):
        if _has_mosaics(folder) or (folder / "fer2013.csv").is_file():
            return folder
    raise SystemExit(f"{data}: neither fer2013.csv with fer2013new.csv nor index.csv with sheet_*.webp is in it")


Raw = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32], NDArray[np.str_], NDArray[np.bool_]]


def _mosaics(folder: Path) -> Raw:
    rows = _rows(folder / "index.csv")
    tiles = []
    for sheet in sorted(folder.glob("sheet_*.webp")):
        grey = cv2.imread(str(sheet), cv2.IMREAD_COLOR)[:, :, 0]
        down, across = grey.shape[0] // SIDE, grey.shape[1] // SIDE
        tiles.append(grey.reshape(down, SIDE, across, SIDE).transpose(0, 2, 1, 3).reshape(-1, SIDE, SIDE))
    return (
        np.concatenate(tiles)[: len(rows)],  # only the last sheet is padded
        np.array([int(row["emotion"]) for row in rows]),
        np.array([[float(row[f"votes_{name}"]) for name in VOTES] for row in rows], np.float32),
        np.array([row["usage"] for row in rows]),
        # The mosaics may lack the last part, so they say themselves what leaks into it.
        np.array([row["clean"] == "1" and _stays(row) for row in rows]),
    )


def _groups(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The same number for identical images."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(image.tobytes(), number) for number, image in enumerate(images)])


def _stays(row: dict[str, str]) -> bool:
    return row["usage"] != "Training" or row["also_in_test"] == "0"


def _kaggle(folder: Path) -> Raw:
    rows, votes = _rows(folder / "fer2013.csv"), _rows(folder / "fer2013new.csv")
    if len(rows) != len(votes):
        raise SystemExit(f"{folder}: fer2013.csv has {len(rows)} rows and fer2013new.csv {len(votes)}; they must agree")
    images = np.array([np.array(row["pixels"].split(), np.uint8).reshape(SIDE, SIDE) for row in rows])
    return (
        images,
        np.array([int(row["emotion"]) for row in rows]),
        np.array([[float(row[name]) for name in VOTES] for row in votes], np.float32),
        np.array([row["Usage"] for row in rows]),
        np.array([bool(row["Image name"]) for row in votes]),  # FER+ names what it takes for a face
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise SystemExit(f"{path}: no such file") from None
