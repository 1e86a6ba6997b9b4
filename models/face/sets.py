"""Face pictures of every set: what they show, who is who, and which of them may teach, choose or only report.

FER2013 has its own layout and votes: see `models.face.data`. The others are sheets of tiles with an `index.csv`.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS

Grey = NDArray[np.uint8]

LEARN, CHOOSE, REPORT = "learn", "choose", "report"
SHEETS = ("affectnet_oval", "expw", "lfw_imfdb_mux", "habesha")
BIAS = "utkface_bias"  # without labels: only for comparing groups of people
OVAL = "affectnet_oval"  # its faces are cut out: black around them
NAMED = "lfw_imfdb_mux"  # says who is who

_TILE = {OVAL: (80, 40)}  # pixels, tiles in a row
_OTHERS = (112, 30)
_NAMES = {"surprise": "surprised", "fear": "fearful", "disgust": "disgusted"}
_UNLABELLED = -1

# Of all people, or of all pictures where nobody is named.
_REPORTED, _CHOSEN_BY = 0.2, 0.1
_MANY = 3  # labels of one person, with neutral: who has so many can show what the resting face gives
_REPORTED_OF_MANY = 0.5


@dataclass(frozen=True)
class Tiles:
    """The pictures of one set."""

    name: str
    images: Grey  # items x side x side
    label: NDArray[np.int64]  # index into LABELS, or -1
    who: NDArray[np.str_]  # pictures of one person, or of one search, share it
    part: NDArray[np.str_]  # LEARN, CHOOSE or REPORT
    rows: tuple[dict[str, str], ...]  # what else the index says

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: NDArray[np.generic]) -> Tiles:
        numbers = np.arange(len(self))[chosen]
        rows = tuple(self.rows[number] for number in numbers)
        return Tiles(self.name, self.images[chosen], self.label[chosen], self.who[chosen], self.part[chosen], rows)

    def of(self, part: str) -> Tiles:
        """The pictures of one part."""
        return self[self.part == part]


def load(data: Path, name: str) -> Tiles:
    """The set in the folder `name` of `data`: pictures with one of our labels (BIAS: all)."""
    images, rows = [], []
    for image, row in _tiles(data / name):
        if name == BIAS or _NAMES.get(row["label"], row["label"]) in LABELS:
            images.append(image)
            rows.append(row)
    names = [_NAMES.get(row["label"], row["label"]) for row in rows]
    label = np.array([LABELS.index(each) if each in LABELS else _UNLABELLED for each in names])
    who = np.array([row.get("person") or row.get("query") or row["file"] for row in rows])
    return Tiles(name, np.stack(images), label, who, _parts(name, who, label), tuple(rows))


def many_labelled(who: NDArray[np.str_], label: NDArray[np.int64]) -> set[str]:
    """People who are seen with at least three labels, neutral among them."""
    seen: dict[str, set[int]] = defaultdict(set)
    for person, each in zip(who.tolist(), label.tolist(), strict=True):
        seen[person].add(each)
    neutral = LABELS.index("neutral")
    return {person for person, labels in seen.items() if len(labels) >= _MANY and neutral in labels}


def _parts(name: str, who: NDArray[np.str_], label: NDArray[np.int64]) -> NDArray[np.str_]:
    """The same for everybody and ever: a hash of the name decides, so nobody is in two parts."""
    if name == BIAS:
        return np.full(len(who), REPORT)
    many = many_labelled(who, label)
    parts = {}
    for person in set(who.tolist()):
        digest = hashlib.sha256(f"{name}/{person}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        reported = _REPORTED_OF_MANY if name == NAMED and person in many else _REPORTED
        parts[person] = REPORT if place < reported else CHOOSE if place < reported + _CHOSEN_BY else LEARN
    return np.array([parts[person] for person in who.tolist()])


def _tiles(folder: Path) -> Iterator[tuple[Grey, dict[str, str]]]:
    """Grey tiles with their rows."""
    side, across = _TILE.get(folder.name, _OTHERS)
    name, sheet = "", np.zeros((0, 0), np.uint8)
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["sheet"] != name:
                name, sheet = row["sheet"], cv2.imread(str(folder / row["sheet"]), cv2.IMREAD_COLOR)
                sheet = cv2.cvtColor(sheet, cv2.COLOR_BGR2GRAY)
            down, right = divmod(int(row["pos"]), across)
            yield sheet[down * side : (down + 1) * side, right * side : (right + 1) * side], row
