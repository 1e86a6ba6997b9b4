"""What is measured of a finder, the same for ours and for others: recall, landmarks, false alarms, time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.face import search
from edge.face.boxes import without_doubles
from edge.face.finder import Finder, SingleShot
from edge.readings import Box, FoundFace
from models.common import metrics
from models.finder import compose, judge, label, photos, scenes
from models.finder.haar import HaarFinder

Grey = NDArray[np.uint8]
LEAST = 0.05  # score from which an answer of ours is kept, for the curve
_HAAR_LEAST = 0.2  # one window


@dataclass(frozen=True)
class Contender:
    """A finder with the score from which its answers count."""

    name: str
    finder: Finder
    least: float
    curve: bool = False  # do its scores make a curve?


class Everywhere:
    """Ours as the service uses it: the whole picture, and squares of twice the detail."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def find(self, luma: Grey) -> list[FoundFace]:
        """Of a second of the service, in one go."""
        return search.everywhere(luma, self._finder)


class YuNet:
    """YuNet as a Finder."""

    def __init__(self, file: Path, least: float) -> None:
        self._detector = label.YuNet(file, least)

    def find(self, luma: Grey) -> list[FoundFace]:
        """Of a grey picture, at its own size."""
        rows = self._detector.find(luma)
        return without_doubles([FoundFace(Box(*map(float, row[:4])), float(row[14]), _points(row)) for row in rows])


def _points(row: photos.Floats) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in row[4:14].reshape(5, 2))


def held_back(data: Path, backgrounds: Path, side: int = scenes.SIDE) -> compose.Bank:
    """What judges, and nothing else."""
    return compose.Bank(
        photos.split(photos.load(photos.find(data))).judge,
        [],
        [view for name, view in compose.read_backgrounds(backgrounds).items() if compose.part_of(name) == "judge"],
        [thing for name, thing in compose.read_cutouts(backgrounds).items() if compose.part_of(name) == "judge"],
        side,
    )


def contenders(folder: Path, yunet: Path | None) -> list[Contender]:
    """Ours, and those that are here to compare with."""
    found = [Contender("ours", Everywhere(SingleShot(LEAST, folder=folder)), 0.5, curve=True)]
    if hasattr(cv2, "CascadeClassifier"):
        found.append(Contender("haar", HaarFinder(_HAAR_LEAST), 0.5, curve=True))
    if yunet is not None:
        found.append(Contender("yunet", YuNet(yunet, LEAST), 0.6, curve=True))
    return found


def compare(contender: Contender, bank: compose.Bank) -> dict[str, Any]:
    """Everything about one finder."""
    parts = {"photographs": scenes.photographs(list(bank.photos)), **scenes.composed(bank)}
    verdicts = {name: _judge(contender.finder, pictures) for name, pictures in parts.items()}
    alarms, hard = (_judge(contender.finder, list(part)) for part in (scenes.empty(bank), scenes.hard(bank)))
    everything = [each for part in verdicts.values() for each in part]
    composed = [each for name, part in verdicts.items() if name != "photographs" for each in part]
    least = contender.least
    errors = [error for each in everything for error in each.landmarks]
    measured: dict[str, Any] = {
        "operating_point": least,
        "recall": {name: _recall(part, least) for name, part in verdicts.items()},
        "recall_composed": _recall(composed, least),
        "recall_all": _recall(everything, least),
        "alarms_per_thousand": _alarms(alarms, least),
        "hard_alarms_per_thousand": _alarms(hard, least),
        "landmark_error": {"median": float(np.median(errors)), "p95": float(np.percentile(errors, 95))}
        if errors
        else None,
        "speed": speed(contender.finder, parts["small (18 to 30 pixels)"]),
    }
    if contender.curve:
        steps = np.round(np.linspace(LEAST, 0.99, 95), 3)
        measured["curve"] = [
            [float(at), judge.recall(everything, at), judge.alarms_per_thousand(alarms, at)] for at in steps
        ]
    return measured


def _judge(finder: Finder, pictures: Sequence[scenes.Judged]) -> list[judge.Verdict]:
    return [judge.verdict(finder.find(each.picture), each.boxes, each.points, each.doubtful) for each in pictures]


def _recall(verdicts: Sequence[judge.Verdict], least: float) -> dict[str, Any]:
    low, high = metrics.bootstrap(lambda draw: judge.recall([verdicts[i] for i in draw], least), len(verdicts), 400)
    faces = sum(len(each.found) for each in verdicts)
    value = judge.recall(verdicts, least)
    return {"value": value, "low": low, "high": high, "faces": faces, "pictures": len(verdicts)}


def _alarms(verdicts: Sequence[judge.Verdict], least: float) -> dict[str, Any]:
    low, high = metrics.bootstrap(
        lambda draw: judge.alarms_per_thousand([verdicts[i] for i in draw], least), len(verdicts), 400
    )
    value = judge.alarms_per_thousand(verdicts, least)
    return {"value": value, "low": low, "high": high, "pictures": len(verdicts)}


def speed(finder: Finder, pictures: Sequence[scenes.Judged]) -> dict[str, float]:
    """Milliseconds for a picture of 320 x 240, everywhere, on one core."""
    frames = [np.ascontiguousarray(cv2.resize(each.picture, (320, 240))) for each in pictures]
    spent = []
    for frame in frames[:5] + frames:
        began = time.perf_counter()
        finder.find(frame)
        spent.append(1000 * (time.perf_counter() - began))
    return {"median_ms": float(np.median(spent[5:])), "best_ms": float(np.min(spent[5:]))}


def one_look(folder: Path, repeats: int = 300) -> dict[str, float]:
    """Milliseconds of one look: picture of 320 x 240 to faces, and of the network alone."""
    finder = SingleShot(folder=folder)
    frame = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        finder.find(frame)
        spent.append(1000 * (time.perf_counter() - began))
    return {"median_ms": float(np.median(spent[20:])), "best_ms": float(np.min(spent[20:]))}


def robustness(those: Sequence[Contender], bank: compose.Bank) -> dict[str, list[dict[str, float]]]:
    """Recall on every tenth photograph as it gets worse in one way at a time."""
    chosen = scenes.photographs(list(bank.photos))[::10]
    tables: dict[str, list[dict[str, float]]] = {}
    for name, (make_worse, amounts) in scenes.WORSE.items():
        tables[name] = []
        for amount in amounts:
            worse = [make_worse(each, amount) for each in chosen]
            row = {each.name: judge.recall(_judge(each.finder, worse), each.least) for each in those}
            tables[name].append({"amount": float(amount), **row})
    return tables
