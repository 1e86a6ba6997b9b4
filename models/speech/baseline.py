"""Does it help to know what a voice is usually like? As the service learns it (edge/speech/usual.py), by its own path.

    python -m models.speech.baseline --data DIR [--runs DIR] [--json]

For each run and each speaker that it never heard, all clips of the speaker one after the other: in any order, and with
four neutral clips first. Each is judged as it is, and by what it is beyond what the clips before have taught. Five
draws of the order.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.speech.batch import ClipClassifier
from edge.speech.classifier import of_labels
from edge.speech.pooling import Sums
from models.common.metrics import macro_recall
from models.speech.corpora import TALK, Clip, class_index, find_clips, held_back, thinned
from models.speech.recipe import Recipe
from models.speech.recordings import read_clip

CLIPS, DRAWS = 4, 5


@dataclass(frozen=True)
class Said:
    """What is true of a clip, and what is said of it: as it is, and knowing the voice."""

    truth: int
    plain: int
    knowing: int


Row = dict[str, float]


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m models.speech.baseline", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--runs", type=Path, default=Path(".training/speech/runs"), help="what training left")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measured(chosen.runs, thinned(find_clips(chosen.data), Recipe.tess_share), chosen.workers)
    if chosen.json:
        print(json.dumps(found))
        return
    print(
        "| never heard | speakers | as it is | knowing the clips before | four neutral ones first: as it is | knowing |"
    )
    print("|---|---|---|---|---|---|")
    for name, row in found.items():
        values = " | ".join(f"{row[column]:.3f}" for column in ("plain", "knowing", "plain after", "knowing after"))
        print(f"| {name} | {row['speakers']} | {values} |")


def measured(runs: Path, clips: list[Clip], workers: int) -> dict[str, Row]:
    """Macro recalls by corpus; of speakers of a known one, and of a corpus left out whole."""
    tasks = []
    for folder in sorted(path.parent for path in runs.glob("seed0-*/manifest.json")):
        name = folder.name.partition("-")[2]
        for corpus in sorted({clip.corpus for clip in clips} - {TALK}):
            mine = [clip for clip in clips if clip.corpus == corpus and held_back(name, clip)]
            if mine:
                tasks.append((corpus if name.startswith("fold") else f"{corpus}, left out whole", folder, mine))
    said: dict[str, list[tuple[list[Said], list[Said], int]]] = {}
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for (name, _, _), one in zip(tasks, pool.starmap(of_speakers, [task[1:] for task in tasks], 1), strict=True):
            said.setdefault(name, []).append(one)
    return {name: _row(parts) for name, parts in sorted(said.items())}


def of_speakers(folder: Path, clips: list[Clip]) -> tuple[list[Said], list[Said], int]:
    """In any order, and after four neutral clips (of those who have more of them); how many speakers there are."""
    listener = ClipClassifier(folder)
    heard: dict[str, list[tuple[int, Sums]]] = {}
    for clip in clips:
        sums = listener.classify(read_clip(clip.path)).sums
        if sums.weight > 0:
            heard.setdefault(clip.speaker, []).append((class_index(clip, LABELS), sums))
    draw = np.random.default_rng(0)
    every: list[Said] = []
    after: list[Said] = []
    for _ in range(DRAWS):
        for mine in heard.values():
            order = draw.permutation(len(mine))
            every += in_order(listener, [mine[n] for n in order])
            first = _neutral(mine, draw)
            if len(first) == CLIPS:
                rest = [n for n in order if n not in first]
                after += in_order(listener, [mine[n] for n in (*first, *rest)])[CLIPS:]
    return every, after, len(heard)


def _neutral(mine: Sequence[tuple[int, Sums]], draw: Generator) -> list[int]:
    """Some of the neutral clips; none where that would be all of them."""
    found: NDArray[np.int64] = np.array([n for n, (truth, _) in enumerate(mine) if truth == 0], np.int64)
    return draw.permutation(found)[:CLIPS].tolist() if len(found) > CLIPS else []


def in_order(listener: ClipClassifier, heard: Sequence[tuple[int, Sums]]) -> list[Said]:
    """What is said of each, learning from one to the next."""
    classifier = listener.classifier
    classifier.forget()
    plain = [_label(listener, sums) for _, sums in heard]
    said = []
    for (truth, sums), before in zip(heard, plain, strict=True):
        said.append(Said(truth, before, _label(listener, sums)))
        classifier.learn(sums)
    classifier.forget()
    return said


def _label(listener: ClipClassifier, sums: Sums) -> int:
    logits = listener.classifier.logits(sums)
    assert logits is not None  # noqa: S101 - something was weighed
    return int(of_labels(logits).argmax())


def _row(parts: Sequence[tuple[list[Said], list[Said], int]]) -> Row:
    row: Row = {"speakers": sum(part[2] for part in parts)}
    every, after = [one for part in parts for one in part[0]], [one for part in parts for one in part[1]]
    for end, said in (("", every), (" after", after)):
        for kind in ("plain", "knowing"):
            truth, guess = (np.array([getattr(one, name) for one in said]) for name in ("truth", kind))
            row[f"{kind}{end}"] = round(macro_recall(truth, guess, len(LABELS)), 4) if said else float("nan")
    return row


if __name__ == "__main__":
    main()
