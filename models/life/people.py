"""Who appears in the scenes: people of lfw_imfdb_mux that no model learned from, at rest and with a feeling."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.face.finder import Finder
from edge.readings import LABELS, FoundFace
from models.face import sets

Grey = NDArray[np.uint8]
Part = Literal["tune", "report"]

NAMED = "lfw_imfdb_mux"  # the set that says who is who
STRANGERS = ("expw", "habesha", "affectnet_oval")  # feelings of people whose rest nobody photographed
NEUTRAL = LABELS[0]
_TUNED_ON = 0.35  # of the people whom the face model only reports on: those it chose by are too few to tune with


@dataclass(frozen=True)
class Still:
    """One photograph of a face, and where the finder sees it."""

    image: Grey
    face: FoundFace


@dataclass(frozen=True)
class Person:
    """Photographs of one person by what they express."""

    name: str
    stills: dict[str, tuple[Still, ...]]

    @property
    def rest(self) -> tuple[Still, ...]:
        return self.stills.get(NEUTRAL, ())

    @property
    def feelings(self) -> dict[str, tuple[Still, ...]]:
        return {label: stills for label, stills in self.stills.items() if label != NEUTRAL}


def people(data: Path, part: Part, find: Finder) -> list[Person]:
    """Everybody of the part with a photograph at rest, in the order of their names."""
    tiles = sets.load(data, NAMED)
    by_name: dict[str, dict[str, list[Still]]] = defaultdict(lambda: defaultdict(list))
    for image, label, who, learned in zip(tiles.images, tiles.label, tiles.who, tiles.part, strict=True):
        if learned == sets.LEARN or part_of(str(who), learned) != part:
            continue
        still = seen(image, find)
        if still is not None:
            by_name[str(who)][LABELS[int(label)]].append(still)
    found = [
        Person(name, {label: tuple(kept) for label, kept in stills.items()}) for name, stills in sorted(by_name.items())
    ]
    return [person for person in found if person.rest]


def strangers(data: Path, part: Part, find: Finder, each: int) -> list[tuple[str, Still]]:
    """Up to `each` faces of every feeling from the sets in which nobody is named, evenly from all of them."""
    found: list[tuple[str, Still]] = []
    for name in STRANGERS:
        tiles = sets.load(data, name).of(sets.CHOOSE if part == "tune" else sets.REPORT)
        for number, label in enumerate(LABELS):
            kept: list[tuple[str, Still]] = []
            for image in tiles.images[tiles.label == number]:
                still = seen(_without_black(image) if name == sets.OVAL else image, find)
                if still is not None and label != NEUTRAL:
                    kept.append((label, still))
                if len(kept) >= -(-each // len(STRANGERS)):
                    break
            found += kept
    return found


def part_of(who: str, learned: str) -> Part:
    """Tuned on, or reported on: the same for a person and ever."""
    if learned == sets.CHOOSE:
        return "tune"
    digest = hashlib.sha256(f"life/{who}".encode()).digest()
    return "tune" if int.from_bytes(digest[:8], "big") / 2**64 < _TUNED_ON else "report"


def seen(image: Grey, find: Finder) -> Still | None:
    """The photograph with its face, if the finder sees one."""
    side = image.shape[0]
    room = side // 2
    larger = np.pad(image, room, mode="edge")
    faces = [face for face in find.find(larger) if face.box.height > side / 3]
    if not faces:
        return None
    face = max(faces, key=lambda each: each.score)
    box = face.box
    moved = FoundFace(
        type(box)(box.x - room, box.y - room, box.width, box.height),
        face.score,
        tuple((x - room, y - room) for x, y in face.landmarks),
    )
    return Still(image, moved)


def _without_black(image: Grey) -> Grey:
    """A face that was cut out, with the middle grey of the face around it."""
    filled = image.copy()
    filled[image <= 10] = int(np.median(image[image > 10])) if (image > 10).any() else 0
    return filled
