"""What is measured of a face model: on people held back, on PublicTest, under degradations, on photographs, in time.

Every answer is that of one orientation ("one look"), or the mean of the face and its mirror image ("both ways"), which
is what the service comes to when it sees a face several times. Evidence is calibrated log-likelihood; a prior is added
to it only where it says so.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.recordings import read_image
from edge.face.batch import find_everywhere
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face, to_grey
from edge.face.finder import SingleShot
from edge.inference import runtime_name
from edge.readings import LABELS, Box, Image
from models.common import calibration, metrics
from models.face import data, degrade, framing, sets, streams
from models.finder.photos import held_back

_T = TypeVar("_T")
Floats = NDArray[np.float32]
ENOUGH = 30  # faces of a class, for its recall to count in the macro recall on PublicTest
ENOUGH_OF_A_SET = 5  # the same for the other sets, some of which are small
LOWER = 0.3  # `face.min_score` at which more faces are found, and more that are none
_MARGINS = (0.9, 1.0, 1.15, 1.3)  # the shipped one is among them
_REST = (0.5, 0.75, 1.0)  # shares of the resting face that are taken off
_FEW = 8  # pictures at rest: with so many, half of their mean is believed
Degrade = Callable[[NDArray[np.uint8], float, np.random.Generator], NDArray[np.uint8]]
DEGRADATIONS: dict[str, tuple[Degrade, tuple[float, ...]]] = {
    "blur (sigma, px)": (lambda face, much, _: degrade.blur(face, much), (0.5, 1.0, 1.5, 2.0)),
    "light left": (degrade.dark, (0.5, 0.25, 0.12, 0.06)),
    "face height (px)": (lambda face, much, _: degrade.small(face, int(much)), (36, 28, 20, 14)),
    "rotation (degrees)": (lambda face, much, _: degrade.rotate(face, much), (-30, -20, -10, 10, 20, 30)),
}


@dataclass(frozen=True)
class Seen:
    """What the model says of some faces: evidence, items x labels."""

    once: Floats
    both: Floats


def look(model: FaceClassifier, faces: list[NDArray[np.uint8]] | NDArray[np.uint8]) -> Seen:
    """Both orientations of every face."""
    once = np.stack([model.evidence(face) for face in faces])
    mirrored = np.stack([model.evidence(face, mirrored=True) for face in faces])
    return Seen(once, np.asarray((once + mirrored) / 2, np.float32))


def tiles(where: Path, name: str) -> tuple[sets.Tiles, framing.Places]:
    """The reported part of a set and where our finder sees its faces."""
    shown = sets.load(where, name).of(sets.REPORT)
    return shown, framing.places(shown.images, SingleShot())


def crops(model: FaceClassifier, shown: sets.Tiles, places: framing.Places) -> list[NDArray[np.uint8]]:
    """Each face as the service cuts it out."""
    pairs = zip(shown.images, places.boxes, strict=True)
    return [crop_face(image, box, model.side, model.margin) for image, box in pairs]


def straightened(shown: sets.Tiles, places: framing.Places) -> sets.Tiles:
    """The same faces with their eyes level."""
    images = []
    for image, box, roll in zip(shown.images, places.boxes, places.rolls, strict=True):
        middle = (box.x + box.width / 2, box.y + box.height / 2)
        turn = cv2.getRotationMatrix2D(middle, roll, 1.0)
        images.append(cv2.warpAffine(image, turn, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE))
    return replace(shown, images=np.stack(images))


def held_back_people(
    model: FaceClassifier, shown: sets.Tiles, places: framing.Places, prior: Floats
) -> tuple[dict[str, Any], Seen]:
    """Macro recall, confusion and calibration of one set; intervals by drawing people (or searches) as wholes."""
    seen = look(model, crops(model, shown, places))
    truth = shown.label
    _, people = np.unique(shown.who, return_inverse=True)
    level = look(model, crops(model, straightened(shown, places), places))
    said = (seen.both + prior).argmax(axis=1)
    present = np.bincount(truth, minlength=len(LABELS))
    each = metrics.recalls(truth, said, len(LABELS))
    enough = np.flatnonzero(present >= ENOUGH_OF_A_SET)
    return {
        "faces": len(truth),
        "found": float(places.found.mean()),
        "classes": [LABELS[number] for number in enough],
        "macro_recall": _macro(truth, seen.both + prior, people, enough),
        "macro_recall_one_look": _macro(truth, seen.once + prior, people, enough),
        "macro_recall_straightened": _macro(truth, level.both + prior, people, enough),
        "recall": {LABELS[number]: float(each[number]) for number in np.flatnonzero(present)},
        "confusion": metrics.confusion(truth, said, len(LABELS)).tolist(),
        "calibration_error": _balanced_error([(truth, seen.both)]),
    }, seen


def resting_face(shown: sets.Tiles, seen: Seen) -> dict[str, Any]:
    """What it gives to know somebody's resting face, on people who are seen with three labels or more, neutral among.

    From every picture's evidence a share is taken off of how the person's other neutral pictures differ from those of
    people on average; the fewer they are, the less. Who has no other one is judged as a stranger.
    """
    people = sorted(sets.many_labelled(shown.who, shown.label))
    chosen = np.isin(shown.who, people)
    truth, who, evidence = shown.label[chosen], shown.who[chosen], seen.both[chosen]
    rest = truth == LABELS.index("neutral")
    usual = np.mean([evidence[rest & (who == person)].mean(axis=0) for person in people], axis=0)
    away = np.zeros_like(evidence)
    for number in range(len(truth)):
        others = rest & (who == who[number])
        others[number] = False
        many = int(others.sum())
        if many:
            away[number] = (evidence[others].mean(axis=0) - usual) * many / (many + _FEW)
    _, group = np.unique(who, return_inverse=True)
    enough = np.flatnonzero(np.bincount(truth, minlength=len(LABELS)) >= ENOUGH_OF_A_SET)
    known = {f"{share:g}": _macro(truth, evidence - share * away, group, enough) for share in _REST}

    def gain(draw: NDArray[Any], share: float) -> float:
        with_rest = (evidence - share * away)[draw].argmax(axis=1)
        without = evidence[draw].argmax(axis=1)
        each = [metrics.recalls(truth[draw], said, len(LABELS))[enough] for said in (with_rest, without)]
        return float(np.nanmean(each[0]) - np.nanmean(each[1]))

    low, high = metrics.bootstrap(lambda draw: gain(draw, 1.0), len(truth), groups=group)
    return {
        "people": len(people),
        "pictures": len(truth),
        "classes": [LABELS[number] for number in enough],
        "unknown": _macro(truth, evidence, group, enough),
        "known": known,
        "gain": {"value": gain(np.arange(len(truth)), 1.0), "low": low, "high": high},
        "streams": {
            name: float(np.nanmean(metrics.recalls(truth, said, len(LABELS))[enough]))
            for name, said in streams.as_learned(truth, who, evidence).items()
        },
    }


def no_faces(model: FaceClassifier, shown: sets.Tiles) -> dict[str, float]:
    """The share of claims with more than half of all confidence where there is no face to judge."""
    random = np.random.default_rng(0)
    some = shown.images[:: max(1, len(shown) // 500)]
    pictures = {
        "faces in sixteen pieces": degrade.in_pieces(some, random),
        "noise": random.integers(0, 256, (300, model.side, model.side), dtype=np.uint8),
        "black, grey and white": np.stack([np.full((64, 64), level, np.uint8) for level in (0, 128, 255)]),
        "faces upside down": some[:, ::-1],
    }
    return {
        name: float(np.mean([max(model.classify_both_ways(np.ascontiguousarray(face))) > 0.5 for face in faces]))
        for name, faces in pictures.items()
    }


def by_group(model: FaceClassifier, where: Path, prior: Floats) -> dict[str, Any]:
    """Faces without labels: how often one is found, and what is claimed, by age, sex and group of people."""
    shown, places = tiles(where, sets.BIAS)
    said = (look(model, crops(model, shown, places)).both + prior).argmax(axis=1)
    lower = framing.places(shown.images, SingleShot(LOWER), LOWER).found
    table: dict[str, Any] = {}
    for trait in ("age_bin", "sex", "race"):
        values = np.array([row[trait] for row in shown.rows])
        table[trait] = {
            value: {
                "faces": int((values == value).sum()),
                "found": float(places.found[values == value].mean()),
                "found_lower": float(lower[values == value].mean()),
                "claimed": {label: float((said[values == value] == k).mean()) for k, label in enumerate(LABELS)},
            }
            for value in sorted(set(values.tolist()), key=lambda text: (len(text.split("-")[0]), text))
        }
    return table


def pooled_calibration(parts: list[tuple[NDArray[np.int64], Floats]]) -> dict[str, Any]:
    """Confidence against accuracy where every class of every set is equally common."""
    truth, said = _balanced_sample(parts)
    bins = metrics.calibration_bins(truth, said)
    return {"calibration_error": metrics.expected_calibration_error(truth, said), "reliability": bins.tolist()}


def public_test(model: FaceClassifier, folder: Path) -> tuple[dict[str, Any], NDArray[np.int64], Floats]:
    """FER+ strict majority with the natural prior and with a uniform one; and truth and evidence for more."""
    faces = data.load(folder, "PublicTest")
    clear, majority = data.strict_majority(faces)
    truth = majority[clear]
    seen = look(model, faces.images[clear])
    everybody = np.arange(len(truth))
    present = np.bincount(truth, minlength=len(LABELS))
    kept = np.flatnonzero(present >= ENOUGH)
    natural = (seen.both + model.natural_prior).argmax(axis=1)
    uniform = seen.both.argmax(axis=1)
    return (
        {
            "ferplus_strict_accuracy": _accuracy(truth, natural, everybody),
            "ferplus_strict_accuracy_one_look": _accuracy(
                truth, (seen.once + model.natural_prior).argmax(axis=1), everybody
            ),
            "macro_recall_natural": _macro(truth, seen.both + model.natural_prior, everybody, kept),
            "macro_recall": {**_macro(truth, seen.both, everybody, kept), "classes": [LABELS[k] for k in kept]},
            "macro_recall_one_look": _macro(truth, seen.once, everybody, kept),
            "uniform_accuracy": metrics.accuracy(truth, uniform),
            "recall": {
                label: _accuracy(truth, uniform, np.flatnonzero(truth == k))
                for k, label in enumerate(LABELS)
                if present[k]
            },
            "confusion": metrics.confusion(truth, uniform, len(LABELS)).tolist(),
            "natural_calibration_error": metrics.expected_calibration_error(
                truth, calibration.softmax(seen.both + model.natural_prior)
            ),
            "calibration_error": _balanced_error([(truth, seen.both)]),
        },
        truth,
        seen.both,
    )


def robustness(model: FaceClassifier, folder: Path) -> dict[str, list[dict[str, float]]]:
    """Strict-majority accuracy (natural prior) and macro recall (uniform) as the same faces get worse; one look."""
    faces = data.load(folder, "PublicTest")
    clear, majority = data.strict_majority(faces)
    images, truth = faces.images[clear], majority[clear]
    table = {}
    for name, (worsen, amounts) in DEGRADATIONS.items():
        rows = []
        for amount in amounts:
            random = np.random.default_rng(0)
            evidence = np.stack([model.evidence(worsen(face, amount, random)) for face in images])
            natural, uniform = (evidence + model.natural_prior).argmax(axis=1), evidence.argmax(axis=1)
            rows.append(
                {
                    "amount": float(amount),
                    "accuracy": metrics.accuracy(truth, natural),
                    "macro_recall": metrics.macro_recall(truth, uniform, len(LABELS), ENOUGH),
                }
            )
        table[name] = rows
    return table


def smiles(model: FaceClassifier, folder: Path) -> dict[str, Any]:
    """Smile or none on GENKI-4K by the probability of happy: areas under the curve, for several crops.

    Once with the boxes of its index (that judges crop and model) and once with the largest face that our own finder
    finds, as the service's `classify` does; the latter also on those photographs alone that the finder has not learned
    from. `all` counts a photograph in which nobody was found as a coin toss.
    """
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    files = {path.name: path for path in folder.rglob("*.jpg")}
    pictures = [read_image(files[row["file"]]) for row in rows]
    smiling = np.array([row["smile"] == "1" for row in rows])
    find = SingleShot()
    found = [find_everywhere(to_grey(picture), find) for picture in pictures]
    ours = [faces[0].box if faces else None for faces in found]
    strange = held_back(folder)
    new = np.array([row["file"] in strange for row in rows])
    boxes = [_box(row) if row["w"] else None for row in rows]
    return {
        "margin": model.margin,
        "index_boxes": _areas(model, pictures, boxes, smiling),
        "own_finder": _areas(model, pictures, ours, smiling),
        "own_finder_held_back": _areas(model, _where(pictures, new), _where(ours, new), smiling[new]),
    }


def speed(model: FaceClassifier, faces: NDArray[np.uint8], rounds: int = 500) -> dict[str, Any]:
    """The median time of one look at one face on one thread of this machine, preprocessing included."""
    taken = []
    for index in range(rounds):
        began = time.perf_counter()
        model.classify(faces[index % len(faces)])
        taken.append(time.perf_counter() - began)
    return {"milliseconds_median": 1000 * float(np.median(taken)), "runtime": runtime_name(), "threads": 1}


def _accuracy(truth: NDArray[Any], said: NDArray[Any], chosen: NDArray[Any]) -> dict[str, Any]:
    right = truth[chosen] == said[chosen]
    low, high = metrics.bootstrap(lambda draw: float(right[draw].mean()), len(right))
    return {"value": float(right.mean()), "low": low, "high": high, "faces": len(right)}


def _macro(
    truth: NDArray[np.int64], scores: Floats, people: NDArray[np.int64], classes: NDArray[np.int64]
) -> dict[str, Any]:
    said = scores.argmax(axis=1)

    def measure(draw: NDArray[Any]) -> float:
        return float(np.nanmean(metrics.recalls(truth[draw], said[draw], len(LABELS))[classes]))

    groups = people if len(np.unique(people)) < len(truth) else None
    low, high = metrics.bootstrap(measure, len(truth), groups=groups)
    return {"value": measure(np.arange(len(truth))), "low": low, "high": high, "faces": len(truth)}


def _balanced_sample(parts: list[tuple[NDArray[np.int64], Floats]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every class of every part equally common; classes with too few faces are left out."""
    truths, answers = [], []
    for truth, evidence in parts:
        enough = np.bincount(truth, minlength=len(LABELS)) >= ENOUGH_OF_A_SET
        chosen = np.flatnonzero(enough[truth])
        draw = chosen[metrics.balanced(truth[chosen])]
        truths.append(truth[draw])
        answers.append(calibration.softmax(evidence[draw]))
    return np.concatenate(truths), np.concatenate(answers)


def _balanced_error(parts: list[tuple[NDArray[np.int64], Floats]]) -> float:
    return metrics.expected_calibration_error(*_balanced_sample(parts))


def _where(items: list[_T], chosen: NDArray[np.bool_]) -> list[_T]:
    return [item for item, wanted in zip(items, chosen, strict=True) if wanted]


def _box(row: dict[str, str]) -> Box:
    return Box(float(row["x"]), float(row["y"]), float(row["w"]), float(row["h"]))


def _areas(
    model: FaceClassifier, pictures: list[Image], boxes: list[Box | None], smiling: NDArray[np.bool_]
) -> dict[str, Any]:
    there = np.array([box is not None for box in boxes])
    areas = {}
    for margin in _MARGINS:
        happy = [
            model.classify_both_ways(crop_face(picture, box, model.side, margin))[LABELS.index("happy")]
            for picture, box in zip(pictures, boxes, strict=True)
            if box is not None
        ]
        areas[f"{margin:g}"] = metrics.roc_area(smiling[there], np.array(happy))
    judged = there[smiling].mean() * there[~smiling].mean()  # of all pairs, those with both found
    shipped = areas[f"{model.margin:g}"]
    return {
        "photographs": len(pictures),
        "found": int(there.sum()),
        "area_by_margin": areas,
        "all": float(judged * shipped + (1 - judged) / 2),
    }
