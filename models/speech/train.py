"""scripts/train speech: from the public corpora to models/speech/speech.tflite.

First the folds (each an estimate for people never heard), then the shipped model on everybody, with the same epochs
and the temperature that suits the folds. Interrupt it at will; it goes on where it was.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.readings import LABELS
from models.common.calibration import fit_temperature
from models.common.metrics import accuracy, macro_recall
from models.speech.convert import ship
from models.speech.corpora import CALM, FOLDS
from models.speech.dataset import FAR, Task, class_index, mask_of
from models.speech.fit import clip_logits, fit
from models.speech.material import Material, prepare
from models.speech.recipe import Recipe

EIGHT = (*LABELS, CALM)


def main() -> None:
    """Folds, then everybody, then what ships."""
    asked = _arguments()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recipe = replace(Recipe(), epochs=asked.epochs) if asked.epochs else Recipe()
    classes = EIGHT if asked.eight else LABELS
    material = prepare(asked.data, asked.work, recipe)
    print(f"{len(material.clips)} clips", flush=True)
    runs = asked.work / ("runs8" if asked.eight else "runs")
    task = Task(material.copies, material.clips, classes, recipe)
    held_back = [
        _fold(material, task, seed, fold, runs / f"seed{seed}-fold{fold}")
        for seed in range(asked.seed, asked.seed + asked.seeds)
        for fold in asked.folds
    ]
    temperature = _temperature(held_back)
    print(f"temperature {temperature:.3f}")
    if not asked.eight and not asked.only_folds:
        everybody = list(range(len(material.clips)))
        model = _fit(task, asked.seed, everybody, runs / f"seed{asked.seed}-all")
        ship(model, material.copies, material.cepstral_mean, temperature, asked.out)


def _fold(
    material: Material, task: Task, seed: int, fold: int, folder: Path
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Train without a fold's speakers, keep that file, and return truth and logits for RAVDESS clips of the fold."""
    clips, classes = task.clips, task.classes
    learn = [n for n, clip in enumerate(clips) if clip.fold() != fold]
    check = [n for n, clip in enumerate(clips) if clip.fold() == fold]
    model = _fit(task, seed, learn, folder)
    logits, order = clip_logits(model, material.copies, 0, check)
    truth = np.array([class_index(clips[n], classes) for n in order])
    for corpus in sorted({clips[n].corpus for n in order}):
        mine = np.array([clips[n].corpus == corpus for n in order])
        own = logits[mine] + mask_of(next(clip for clip in clips if clip.corpus == corpus), classes)
        guess = own.argmax(axis=1)
        found = macro_recall(truth[mine], guess, len(classes))
        print(f"seed {seed} fold {fold} {corpus}: {accuracy(truth[mine], guess):.4f} macro {found:.4f}", flush=True)
    if len(classes) == len(LABELS):
        ship(model, material.copies, material.cepstral_mean, 1.0, folder)
        np.savez(folder / "float.npz", keys=[clips[n].key for n in order], logits=logits)
    actors = np.array([clips[n].corpus == "ravdess" for n in order])
    return truth[actors], logits[actors]


def _fit(task: Task, seed: int, chosen: list[int], folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    log = folder / "loss.csv"

    def report(epoch: int, loss: float) -> None:
        with log.open("a") as file:
            file.write(f"{epoch},{loss:.5f}\n")
        took = time.monotonic() - began
        print(f"{folder.name} epoch {epoch}/{task.recipe.epochs} loss {loss:.4f} {took:.0f} s", flush=True)

    return fit(task, chosen, seed, folder / "checkpoint", report)


def _temperature(held_back: list[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> float:
    """What suits speakers that were never heard; 1 where no fold was trained."""
    if not held_back:
        return 1.0
    truth = np.concatenate([one[0] for one in held_back])
    return fit_temperature(truth, np.concatenate([np.maximum(one[1], FAR) for one in held_back]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train speech", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=Path(".training/speech"), help="caches and checkpoints")
    parser.add_argument("--out", type=Path, default=Path("models/speech"), help="where the shipped file goes")
    parser.add_argument("--epochs", type=int, help=f"default {Recipe().epochs}")
    parser.add_argument("--folds", type=_numbers, default=tuple(range(len(FOLDS))), help="e.g. 0,2; empty for none")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=1, help="how many, for the folds")
    parser.add_argument("--eight", action="store_true", help="calm apart from neutral; folds only, ships nothing")
    parser.add_argument("--only-folds", action="store_true", help="ship nothing")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


if __name__ == "__main__":
    main()
