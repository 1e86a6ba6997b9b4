"""Ours beside what else is installed: the same pictures, the same core, one after the other, in one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.bench import peers
from edge.capture.recordings import read_image
from edge.errors import EdgeError, MediaError
from edge.face.batch import find_everywhere
from edge.face.crop import to_grey
from edge.face.finder import SingleShot
from edge.readings import LABELS
from edge.service.health import percentile

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".pgm", ".ppm"}
_WARM = 5  # pictures before the clock counts
_ENOUGH = 5  # pictures of a label, for its recall to count


@dataclass(frozen=True)
class Picture:
    """`truth` is the name of its folder: a label of ours, `smile`, `none`, or anything else, which is not judged."""

    path: Path
    truth: str
    box: tuple[float, float, float, float] | None  # of our finder; None: cropped, or no face found


class Result(msgspec.Struct, frozen=True):
    """What a contestant made of the pictures."""

    name: str
    way: str  # "its own way", "given a box", "given a crop"
    pictures: int
    found: float  # share in which it saw a face
    accuracy: float | None  # over pictures of a label; no face counts as wrong
    macro_recall: float | None  # over labels with at least 5 pictures
    smile_area: float | None  # area under the curve, `smile` against `none`, where it saw a face
    median_ms: float
    p95_ms: float
    start_s: float
    resident_mb: float


def pictures(folder: Path, *, cropped: bool) -> list[Picture]:
    """All pictures below, with the box of the largest face that our finder sees."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not files:
        raise MediaError(f"{folder}: no pictures in it; it holds a folder for each label, with pictures")
    find = None if cropped else SingleShot()
    return [Picture(path, path.relative_to(folder).parts[0], _box(path, find)) for path in files]


def compare(shown: Sequence[Picture], *, cropped: bool, peer_python: str | None, core: int) -> Iterator[Result]:
    """Every contestant that can be run here, in every way."""
    for name in peers.CONTESTANTS:
        python = sys.executable if name == "ours" or peer_python is None else peer_python
        if name != "ours" and not _has(python, name):
            continue
        if cropped:
            yield _run(python, name, shown, "given a crop", core)
            continue
        yield _run(python, name, shown, "its own way", core)
        boxed = [picture for picture in shown if picture.box is not None]
        if boxed:
            yield _run(python, name, boxed, "given a box", core)


def verdicts(results: Sequence[Result]) -> list[str]:
    """In words, for each way and each other contestant: in what ours does better, and in what it does worse."""
    said = []
    ours = {result.way: result for result in results if result.name == results[0].name}
    for other in results:
        mine = ours.get(other.way)
        if mine is None or other.name == mine.name:
            continue
        better: list[str] = []
        worse: list[str] = []
        for words, we, they in (
            ("time a picture", other.median_ms, mine.median_ms),
            ("start", other.start_s, mine.start_s),
            ("memory", other.resident_mb, mine.resident_mb),
            ("faces found", mine.found, other.found),
            ("accuracy", mine.accuracy, other.accuracy),
            ("macro recall", mine.macro_recall, other.macro_recall),
            ("smile area", mine.smile_area, other.smile_area),
        ):
            if we is not None and they is not None and we != they:
                (better if we > they else worse).append(words)
        said.append(
            f"{other.way}, against {other.name}: better in {', '.join(better) or 'nothing'}; "
            f"worse in {', '.join(worse) or 'nothing'}"
        )
    return said


def _box(path: Path, find: Any) -> tuple[float, float, float, float] | None:
    if find is None:
        return None
    faces = find_everywhere(to_grey(read_image(path)), find)
    box = faces[0].box if faces else None
    return None if box is None else (box.x, box.y, box.width, box.height)


def _has(python: str, package: str) -> bool:
    trial = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    try:
        return subprocess.run([python, "-c", trial], check=False, capture_output=True).returncode == 0
    except OSError as error:
        raise EdgeError(f"--peer-python {python}: cannot be run: {error.strerror}") from None


def _run(python: str, name: str, shown: Sequence[Picture], way: str, core: int) -> Result:
    tasks = [
        {"path": str(p.path), "box": p.box if way == "given a box" else None, "cropped": way == "given a crop"}
        for p in [*shown[:_WARM], *shown]
    ]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    script = [python, "-m", "edge.bench.peers"] if name == "ours" else [python, peers.__file__]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as given:
        given.writelines(json.dumps(task) + "\n" for task in tasks)
        given.seek(0)
        done = subprocess.run(
            [*script, name, str(core)], stdin=given, capture_output=True, text=True, env=environment, check=False
        )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(lines) != 1 + len(shown[:_WARM]) + len(shown):
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise EdgeError(f"{name} failed: {last}")
    start, answers = lines[0], lines[1 + len(shown[:_WARM]) :]
    return _summary(start, way, shown, answers)


def _summary(start: dict[str, Any], way: str, shown: Sequence[Picture], answers: list[dict[str, Any]]) -> Result:
    spent = sorted(answer["ms"] for answer in answers)
    judged = [(picture.truth, answer["probabilities"]) for picture, answer in zip(shown, answers, strict=True)]
    right = {label: [_best(p) == label for truth, p in judged if truth == label] for label in LABELS}
    told = [hit for hits in right.values() for hit in hits]
    happy = {name: [p["happy"] for truth, p in judged if p and truth == name] for name in ("smile", "none")}
    counted = [sum(hits) / len(hits) for hits in right.values() if len(hits) >= _ENOUGH]
    return Result(
        name=start["title"],
        way=way,
        pictures=len(shown),
        found=sum(p is not None for _, p in judged) / len(judged),
        accuracy=sum(told) / len(told) if told else None,
        macro_recall=sum(counted) / len(counted) if counted else None,
        smile_area=_area(happy["smile"], happy["none"]),
        median_ms=percentile(spent, 0.5),
        p95_ms=percentile(spent, 0.95),
        start_s=start["start_s"],
        resident_mb=max(answer.get("mb", 0.0) for answer in answers),
    )


def _best(probabilities: dict[str, float] | None) -> str | None:
    return max(probabilities, key=probabilities.__getitem__) if probabilities else None


def _area(of_those: list[float], of_others: list[float]) -> float | None:
    """The chance that one of those is rated above one of the others; equal ones count half."""
    if not of_those or not of_others:
        return None
    others = np.sort(of_others)
    below = np.searchsorted(others, of_those, "left") + np.searchsorted(others, of_those, "right")
    return float(below.mean() / 2 / len(others))
