"""All faces that teach or choose, of every set, each as the service would cut it out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.face.crop import MARGIN, crop_face
from edge.face.finder import SingleShot
from models.face import data, framing, sets, targets
from models.face.framing import KEPT
from models.face.shape import SIDE

Floats = NDArray[np.float32]
Grey = NDArray[np.uint8]

FER = "fer2013"
NAMES = (FER, *sets.SHEETS)  # a face knows its set by the number in this list
_HELD_BACK = 0.08  # of FER2013's Training, to choose by
# How often a face of a set is seen in an epoch, on average.
_TURNS = {FER: 0.8, "affectnet_oval": 1.0, "expw": 1.0, "lfw_imfdb_mux": 2.0, "habesha": 4.0}
_AGREED = 0.5  # of what a face of FER2013 is to be: more than that is a clear case
_BALANCE = 0.4  # 0 leaves the classes of a set as common as they are, 1 makes all equally common


@dataclass(frozen=True)
class Learned:
    """Faces to learn from, with more of their surroundings than the model sees."""

    kept: Grey  # items x KEPT x KEPT
    cut_out: NDArray[np.int64]  # which of them came cut out, black around them
    outside: NDArray[np.bool_]  # as many x KEPT x KEPT: where
    wanted: Floats  # items x labels
    weight: Floats
    set: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def turns(self) -> NDArray[np.float64]:
        """How often each face is drawn in an epoch: of rare classes and of small sets more often."""
        turns = np.zeros(len(self))
        for number, name in enumerate(NAMES):
            here = self.set == number
            if here.any():
                common = np.maximum(self.wanted[here].mean(axis=0), 1e-3)
                wanted = (self.wanted[here] / common**_BALANCE).sum(axis=1)
                turns[here] = _TURNS[name] * wanted / wanted.mean()
        return turns

    @property
    def priors(self) -> Floats:
        """For each set the logarithm of how common each class is among what is drawn of it."""
        turns = self.turns[:, None]
        rows = []
        for number in range(len(NAMES)):
            here = self.set == number
            common = (turns[here] * self.wanted[here]).sum(axis=0) / max(float(turns[here].sum()), 1e-9)
            rows.append(np.log(np.maximum(common, 1e-3)))
        return np.asarray(rows, np.float32)

    @property
    def natural(self) -> Floats:
        """The logarithm of how common each class is among the faces of FER2013 that most annotators agree about.

        Those, since the temperature too is found with faces that have one label.
        """
        return common(self.wanted[self.set == NAMES.index(FER)])

    def without(self, part: int, parts: int) -> Learned:
        """All but one of the `parts` that `part_of` makes of the faces."""
        stays = part_of(np.arange(len(self)), parts) != part
        cut = stays[self.cut_out]
        return Learned(
            self.kept[stays],
            np.cumsum(stays)[self.cut_out[cut]] - 1,
            self.outside[cut],
            self.wanted[stays],
            self.weight[stays],
            self.set[stays],
        )

    def outside_of(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where the `chosen` faces that came cut out end; False for all others."""
        result = np.zeros((len(chosen), KEPT, KEPT), bool)
        at = np.minimum(np.searchsorted(self.cut_out, chosen), max(len(self.cut_out) - 1, 0))
        if len(self.cut_out):
            here = self.cut_out[at] == chosen
            result[here] = self.outside[at[here]]
        return result


def common(votes: Floats) -> Floats:
    """The logarithm of how common each class is among those with more than half of the votes for one."""
    agreed = votes[votes.max(axis=1) > _AGREED].argmax(axis=1)
    counts = np.bincount(agreed, minlength=votes.shape[1])
    return np.asarray(np.log(np.maximum(counts, 1) / max(len(agreed), 1)), np.float32)


@dataclass(frozen=True)
class Checked:
    """Faces to choose by, as the model sees them."""

    faces: Grey  # items x SIDE x SIDE
    label: NDArray[np.int64]
    set: NDArray[np.int64]


def part_of(faces: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Which of so many equal parts each of the `faces` (their numbers) falls into: neighbours into different ones."""
    return faces % parts


def draw(turns: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """One epoch of indices: each face floor or ceil of its turns, shuffled."""
    ends = np.cumsum(turns)
    items = round(float(ends[-1]))
    at = (np.arange(items) + random.random()) * (ends[-1] / items)
    return random.permutation(np.minimum(np.searchsorted(ends, at), len(turns) - 1))


def gather(where: Path, file: Path) -> tuple[Learned, Checked]:
    """All of it, kept in `file` since looking for every face takes a minute."""
    if not file.is_file():
        learned, checked = _gather(where)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **_named("learned", learned), **_named("checked", checked))
    with np.load(file) as found:
        return (
            Learned(**{field.name: found[f"learned_{field.name}"] for field in fields(Learned)}),
            Checked(**{field.name: found[f"checked_{field.name}"] for field in fields(Checked)}),
        )


def fer2013(where: Path) -> tuple[data.Faces, data.Faces]:
    """The faces of FER2013 to learn from and those to choose by."""
    return data.split(data.load(data.find(where), "Training"), _HELD_BACK, seed=0)


def in_life(image: Grey, box: Any, side: int = SIDE, margin: float = MARGIN) -> Grey:
    """The face as the service cuts it out."""
    return crop_face(image, box, side, margin)


def clear(check: data.Faces) -> tuple[Grey, NDArray[np.int64]]:
    """Those of FER2013 that most annotators agree about, as the model sees them, and what they show."""
    agreed, truth = data.strict_majority(check)
    box = framing.whole(data.SIDE)
    return np.stack([in_life(image, box) for image in check.images[agreed]]), truth[agreed]


def _named(which: str, parts: Learned | Checked) -> dict[str, Any]:
    return {f"{which}_{field.name}": getattr(parts, field.name) for field in fields(parts)}


def _gather(where: Path) -> tuple[Learned, Checked]:
    learn, check = fer2013(where)
    box = framing.whole(data.SIDE)
    agreed, truth = clear(check)
    kept = [np.stack([framing.kept(image, box, MARGIN) for image in learn.images])]
    wanted, weight = [targets.of_votes(learn)], [targets.weights(learn)]
    faces, labels = [agreed], [truth]
    numbers, checked_numbers = [np.zeros(len(learn), int)], [np.zeros(len(truth), int)]
    outside = np.zeros((0, KEPT, KEPT), bool)
    cut_out = np.zeros(0, int)
    find = SingleShot()
    for number, name in enumerate(NAMES[1:], 1):
        tiles = sets.load(where, name)
        place = framing.places(tiles.images, find)
        taught, judged = np.flatnonzero(tiles.part == sets.LEARN), np.flatnonzero(tiles.part == sets.CHOOSE)
        images = tiles.images[taught]
        if name == sets.OVAL:
            cut_out = np.arange(len(taught)) + sum(len(part) for part in kept)
            filled = [framing.filled(image) for image in images]
            images = np.stack([image for image, _ in filled])
            ends = [np.asarray(255 * mask, np.uint8) for _, mask in filled]
            outside = np.stack(
                [framing.kept(end, place.boxes[i], MARGIN) > 127 for end, i in zip(ends, taught, strict=True)]
            )
        pairs = zip(images, taught, strict=True)
        kept.append(np.stack([framing.kept(image, place.boxes[i], MARGIN) for image, i in pairs]))
        wanted.append(targets.of_labels(name, tiles.label[taught]))
        weight.append(np.ones(len(taught), np.float32))
        numbers.append(np.full(len(taught), number))
        faces.append(np.stack([in_life(tiles.images[i], place.boxes[i]) for i in judged]))
        labels.append(tiles.label[judged])
        checked_numbers.append(np.full(len(judged), number))
        print(f"{name}: {len(taught)} to learn from, {len(judged)} to choose by, {place.found.mean():.1%} found")
    learned = Learned(
        np.concatenate(kept),
        cut_out,
        outside,
        np.concatenate(wanted),
        np.concatenate(weight),
        np.concatenate(numbers),
    )
    return learned, Checked(np.concatenate(faces), np.concatenate(labels), np.concatenate(checked_numbers))
