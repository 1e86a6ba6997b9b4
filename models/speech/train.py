"""scripts/train speech: from the public corpora to models/speech/speech.tflite.

First the folds (each an estimate for people never heard), then the shipped model on everybody, with the same epochs
and the temperature that suits the folds. Interrupt it at will; it goes on where it was.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.speech.classifier import CLASSES, of_labels
from models.common.calibration import fit_temperature
from models.common.metrics import accuracy, macro_recall
from models.speech.convert import ship
from models.speech.corpora import CORPORA, FOLDS, Clip
from models.speech.dataset import Copies, Task, class_index, mask_of
from models.speech.fit import answering, clip_logits, fit
from models.speech.hints import hints_for
from models.speech.material import Material, learned_from, prepare
from models.speech.network import Network
from models.speech.recipe import Recipe
from models.speech.teacher import judgements, judges


def main() -> None:
    """Folds, then everybody, then what ships."""
    asked = _arguments()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recipe = replace(Recipe(), epochs=asked.epochs) if asked.epochs else Recipe()
    material = prepare(asked.data, asked.voices or asked.work / "voices", asked.work, recipe)
    print(f"{material.labelled} clips, and {len(material.voices)} without a label", flush=True)
    runs = asked.work / "runs"
    held_back = [
        _fold(material, recipe, seed, fold, runs / f"seed{seed}-fold{fold}")
        for seed in range(asked.seed, asked.seed + asked.seeds)
        for fold in asked.folds
    ]
    for corpus in asked.without:
        _without(material, recipe, asked.seed, corpus, runs / f"seed{asked.seed}-without-{corpus}")
    temperature = _temperature(held_back)
    print(f"temperature {temperature:.3f}")
    if not asked.only_folds:
        everybody = list(range(material.labelled))
        net, copies = _trained(material, recipe, asked.seed, everybody, runs / f"seed{asked.seed}-all")
        ship(net, copies, temperature, asked.out)


def _fold(
    material: Material, recipe: Recipe, seed: int, fold: int, folder: Path
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Truth and logits for RAVDESS clips of the fold, from a network that never heard its speakers."""
    if not (folder / "float.npz").exists():
        _train_fold(material, recipe, seed, fold, folder)
    with np.load(folder / "float.npz") as kept:
        answers = dict(zip(kept["keys"].tolist(), kept["logits"], strict=True))
    heard = [clip for clip in material.clips if clip.corpus == "ravdess" and clip.key in answers]
    truth = np.array([class_index(clip, CLASSES) for clip in heard])
    return truth, np.stack([answers[clip.key] for clip in heard])


def _train_fold(material: Material, recipe: Recipe, seed: int, fold: int, folder: Path) -> None:
    """Train without a fold's speakers; keep the file, and what the float network says of them."""
    clips = material.clips[: material.labelled]
    net, copies = _trained(material, recipe, seed, [n for n, clip in enumerate(clips) if clip.fold() != fold], folder)
    logits, order = clip_logits(net, copies, 0, [n for n, clip in enumerate(clips) if clip.fold() == fold])
    for corpus in sorted({clips[n].corpus for n in order}):
        _report(f"seed {seed} fold {fold} {corpus}", corpus, [clips[n] for n in order], logits)
    ship(net, copies, 1.0, folder)
    np.savez(folder / "float.npz", keys=[clips[n].key for n in order], logits=logits)


def _without(material: Material, recipe: Recipe, seed: int, corpus: str, folder: Path) -> None:
    """Train without a whole corpus, to see how far the rest carries."""
    if not (folder / "manifest.json").exists():
        rest = [n for n, clip in enumerate(material.clips[: material.labelled]) if clip.corpus != corpus]
        net, copies = _trained(material, recipe, seed, rest, folder)
        ship(net, copies, 1.0, folder)


def _trained(material: Material, recipe: Recipe, seed: int, chosen: list[int], folder: Path) -> tuple[Network, Copies]:
    """A network that knows the chosen clips, and the features as it takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    copies = learned_from(material, chosen, folder / "cepstral_mean.npy")
    judged = judgements(material.described, material.clips, chosen)
    lines = judges(material.described, material.clips, chosen)
    hints = hints_for(material.states, copies.rows, {n: material.clips[n].speaker for n in chosen}, lines, recipe)
    task = Task(copies, material.clips, judged, hints, recipe)
    net = _fit(task, seed, chosen + material.voices, folder)
    return answering(net, copies, material.clips, chosen), copies


def _report(name: str, corpus: str, clips: list[Clip], logits: NDArray[np.float64]) -> None:
    """Accuracy of the float network in seven classes, and in eight where calm is asked for."""
    mine = np.array([clip.corpus == corpus for clip in clips])
    own = [clip for clip in clips if clip.corpus == corpus]
    truth = np.array([class_index(clip, LABELS) for clip in own])
    guess = (of_labels(logits[mine]) + mask_of(own[0])[: len(LABELS)]).argmax(axis=1)
    found = macro_recall(truth, guess, len(LABELS))
    text = f"{name}: seven {accuracy(truth, guess):.4f} macro {found:.4f}"
    if corpus == "ravdess":
        eight = np.array([class_index(clip, CLASSES) for clip in own])
        text += f" eight {accuracy(eight, logits[mine].argmax(axis=1)):.4f}"
    print(text, flush=True)


def _fit(task: Task, seed: int, chosen: list[int], folder: Path) -> Network:
    began = time.monotonic()
    log = folder / "loss.csv"

    def report(epoch: int, answers: float, hints: float) -> None:
        with log.open("a") as file:
            file.write(f"{epoch},{answers:.5f}\n")
        took = time.monotonic() - began
        losses = f"loss {answers:.4f} hints {hints:.4f}"
        print(f"{folder.name} epoch {epoch}/{task.recipe.epochs} {losses} {took:.0f} s", flush=True)

    return fit(task, chosen, seed, folder / "checkpoint", report)


def _temperature(held_back: list[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> float:
    """What suits speakers that were never heard; 1 where no fold was trained."""
    if not held_back:
        return 1.0
    truth, logits = (np.concatenate([one[part] for one in held_back]) for part in (0, 1))
    return fit_temperature(truth, logits)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train speech", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--voices", type=Path, help="people reading, as LibriSpeech has them; default WORK/voices")
    parser.add_argument("--work", type=Path, default=Path(".training/speech"), help="caches and checkpoints")
    parser.add_argument("--out", type=Path, default=Path("models/speech"), help="where the shipped file goes")
    parser.add_argument("--epochs", type=int, help=f"default {Recipe().epochs}")
    parser.add_argument("--folds", type=_numbers, default=tuple(range(len(FOLDS))), help="e.g. 0,2; empty for none")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=1, help="how many, for the folds")
    parser.add_argument("--without", nargs="*", default=(), choices=CORPORA, help="also train without a whole corpus")
    parser.add_argument("--only-folds", action="store_true", help="ship nothing")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


if __name__ == "__main__":
    main()
