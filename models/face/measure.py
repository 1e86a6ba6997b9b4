"""What is measured of a face model: on PublicTest, under degradations, on photographs from life, and in time."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.capture.recordings import read_image
from edge.face.batch import find_everywhere
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face, to_grey
from edge.face.finder import SingleShot
from edge.inference import runtime_name
from edge.readings import LABELS, Box, Image
from models.common import metrics
from models.face import augment, data
from models.finder.photos import held_back

_T = TypeVar("_T")
ENOUGH = 30  # faces of a class, for its recall to count in the macro recall
_MARGINS = (0.9, 1.0, 1.15, 1.3)  # the shipped one is among them
Degrade = Callable[[NDArray[np.uint8], float, np.random.Generator], NDArray[np.uint8]]
DEGRADATIONS: dict[str, tuple[Degrade, tuple[float, ...]]] = {
    "blur (sigma, px)": (lambda face, much, _: augment.blur(face, much), (0.5, 1.0, 1.5, 2.0)),
    "light left": (augment.dark, (0.5, 0.25, 0.12, 0.06)),
    "face height (px)": (lambda face, much, _: augment.small(face, int(much)), (36, 28, 20, 14)),
    "rotation (degrees)": (lambda face, much, _: augment.rotate(face, much), (-30, -20, -10, 10, 20, 30)),
}


def probabilities(model: FaceClassifier, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The distribution for every face."""
    return np.array([model.classify(face) for face in faces])


def public_test(model: FaceClassifier, folder: Path) -> dict[str, Any]:
    """Accuracy, recalls and calibration with intervals of 95 %."""
    faces = data.load(folder, "PublicTest")
    said = probabilities(model, faces.images)
    clear, majority = data.strict_majority(faces)
    truth, sure = majority[clear], said[clear]
    predicted, classes = sure.argmax(axis=1), len(LABELS)
    present = np.bincount(truth, minlength=classes)
    each = metrics.recalls(truth, predicted, classes)

    def interval(measure: Callable[[NDArray[Any], NDArray[Any]], float], chosen: NDArray[Any]) -> dict[str, Any]:
        answers, guesses = truth[chosen], predicted[chosen]
        low, high = metrics.bootstrap(lambda draw: measure(answers[draw], guesses[draw]), len(answers))
        return {"value": measure(answers, guesses), "low": low, "high": high, "faces": len(answers)}

    kept = np.flatnonzero(present >= ENOUGH)

    def macro(answers: NDArray[Any], guesses: NDArray[Any]) -> float:
        return float(np.nanmean(metrics.recalls(answers, guesses, classes)[kept]))

    everything = np.arange(len(truth))
    right = said.argmax(axis=1)
    return {
        "ferplus_strict_accuracy": interval(metrics.accuracy, everything),
        "macro_recall": {**interval(macro, everything), "classes": [LABELS[k] for k in kept]},
        "macro_recall_all_classes": float(np.nanmean(each)),
        "recall": {
            label: interval(metrics.accuracy, np.flatnonzero(truth == k))
            for k, label in enumerate(LABELS)
            if present[k]
        },
        "confusion": metrics.confusion(truth, predicted, classes).tolist(),
        "predicted_share": {label: float(np.mean(predicted == k)) for k, label in enumerate(LABELS)},
        "calibration_error": metrics.expected_calibration_error(truth, sure),
        "reliability": metrics.calibration_bins(truth, sure).tolist(),
        "ferplus_majority_accuracy_all_faces": metrics.accuracy(majority, right),
        "fer2013_accuracy": metrics.accuracy(faces.label, right),
        "fer2013_macro_recall": metrics.macro_recall(faces.label, right, classes),
        "fer2013_faces": len(faces),
    }


def robustness(model: FaceClassifier, folder: Path) -> dict[str, list[dict[str, float]]]:
    """Strict-majority accuracy and macro recall as the same faces get worse."""
    faces = data.load(folder, "PublicTest")
    clear, majority = data.strict_majority(faces)
    images, truth = faces.images[clear], majority[clear]
    table = {}
    for name, (degrade, amounts) in DEGRADATIONS.items():
        rows = []
        for amount in amounts:
            random = np.random.default_rng(0)
            worse = np.stack([degrade(face, amount, random) for face in images])
            predicted = probabilities(model, worse).argmax(axis=1)
            rows.append(
                {
                    "amount": float(amount),
                    "accuracy": metrics.accuracy(truth, predicted),
                    "macro_recall": metrics.macro_recall(truth, predicted, len(LABELS), ENOUGH),
                }
            )
        table[name] = rows
    return table


def comparison(model: FaceClassifier, folder: Path) -> dict[str, Any]:
    """Against FER2013's own labels, for the file that was made for them."""
    faces = data.load(folder, "PublicTest")
    predicted, classes = probabilities(model, faces.images).argmax(axis=1), len(LABELS)

    def right(draw: NDArray[Any]) -> float:
        return metrics.accuracy(faces.label[draw], predicted[draw])

    low, high = metrics.bootstrap(right, len(faces))
    return {
        "fer2013_accuracy": {"value": right(np.arange(len(faces))), "low": low, "high": high, "faces": len(faces)},
        "fer2013_macro_recall": metrics.macro_recall(faces.label, predicted, classes),
    }


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
            model.classify(crop_face(picture, box, model.side, margin))[LABELS.index("happy")]
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


def speed(model: FaceClassifier, faces: NDArray[np.uint8], rounds: int = 500) -> dict[str, Any]:
    """The median time of one face on one thread of this machine, preprocessing included."""
    taken = []
    for index in range(rounds):
        began = time.perf_counter()
        model.classify(faces[index % len(faces)])
        taken.append(time.perf_counter() - began)
    return {"milliseconds_median": 1000 * float(np.median(taken)), "runtime": runtime_name(), "threads": 1}
