"""scripts/train speech: from the public corpora to models/speech/speech.tflite.

First the folds (each an estimate for people never heard), then the shipped model on everybody, with the same epochs
and the calibration that suits the folds. Interrupt it at will; it goes on where it was. With --float it stops before
anything is quantised, which is all that needs TensorFlow: a run without it goes on from there, on another machine too.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import fields, replace
from pathlib import Path

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # read once; the voice detector would otherwise take four threads

import numpy as np
import torch

from edge.readings import LABELS
from edge.speech.classifier import CLASSES, Certainty, of_labels
from models.common.metrics import accuracy, macro_recall
from models.speech.calibrate import Answers, answers_of, certainty_for
from models.speech.corpora import CORPORA, FOLDS, MAIN, Clip, class_index, held_back
from models.speech.material import Material, prepare
from models.speech.recipe import Recipe
from models.speech.run import Lesson, Run


def main() -> None:
    """Folds, then everybody, then what ships."""
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    recipe = replace(Recipe(), **dict(asked.set))
    material = prepare(asked.data, asked.work, recipe, asked.device, asked.workers)
    clips, runs = material.clips, asked.work / asked.runs
    print(f"{len(clips)} clips of {len({clip.speaker for clip in clips})} speakers", flush=True)
    away = [run for name, held in _held_back(clips, asked) for run in _judged(material, recipe, name, held, asked)]
    everybody = Run(Lesson(material, recipe, list(range(len(clips)))), asked.seed, runs / f"seed{asked.seed}-all")
    if asked.float:
        if not asked.only_folds:
            everybody.trained()
        return
    from models.speech.export import write_certainty

    for run in away:
        if not (run.folder / "manifest.json").exists():
            run.ship(Certainty(1.0), run.folder)
    by_key = {clip.key: clip for clip in clips}
    said = {path.parent: answers_of(path.parent, by_key) for path in sorted(runs.glob("*/float.npz"))}
    for run in away:
        others = [one for folder, one in said.items() if _apart(folder, run.folder)]
        write_certainty(run.folder, certainty_for(others))
    if not asked.only_folds:
        everybody.ship(certainty_for(list(said.values())), asked.out)


def _held_back(clips: list[Clip], asked: argparse.Namespace) -> list[tuple[str, list[int]]]:
    """The name of each thing that is left out, and its clips."""
    names = [*(f"fold{fold}" for fold in asked.folds), *(f"without-{names}" for names in asked.without)]
    return [(name, [n for n, clip in enumerate(clips) if held_back(name, clip)]) for name in names]


def _judged(material: Material, recipe: Recipe, name: str, held: list[int], asked: argparse.Namespace) -> list[Run]:
    """A run for each seed, judged by what was held back."""
    seeds = range(asked.seed, asked.seed + (asked.seeds if name.startswith("fold") else 1))
    away = set(held)
    lesson = Lesson(material, recipe, [n for n in range(len(material.clips)) if n not in away])
    every = [Run(lesson, seed, asked.work / asked.runs / f"seed{seed}-{name}") for seed in seeds]
    for run in every:
        if not (run.folder / "float.npz").exists():
            _report(run.folder.name, run.judged(held))
    return [Run(Lesson(material, recipe, lesson.chosen), run.seed, run.folder) for run in every]  # its hints may go


def _apart(folder: Path, other: Path) -> bool:
    """Whether a run says anything of speakers whom the other one knows: not of the same fold with another seed."""
    return folder.name.partition("-")[2] != other.name.partition("-")[2]


def _report(name: str, answers: Answers) -> None:
    """Accuracy of the float network in seven classes, and in eight where calm is asked for."""
    logits, means = answers.logits[-1], []
    for corpus in sorted({clip.corpus for clip in answers.clips}):
        mine = np.array([clip.corpus == corpus for clip in answers.clips])
        own = [clip for clip in answers.clips if clip.corpus == corpus]
        truth = np.array([class_index(clip, LABELS) for clip in own])
        guess = of_labels(logits[mine]).argmax(axis=1)
        means.append(macro_recall(truth, guess, len(LABELS)))
        text = f"{name} {corpus}: seven {accuracy(truth, guess):.4f} macro {means[-1]:.4f}"
        if corpus == MAIN:
            eight = np.array([class_index(clip, CLASSES) for clip in own])
            text += f" eight {accuracy(eight, logits[mine].argmax(axis=1)):.4f}"
        print(text, flush=True)
    print(f"{name}: mean of macro recalls {np.mean(means):.4f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train speech", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=Path(".training/speech"), help="caches and runs")
    parser.add_argument("--runs", default="runs", help="folder in it for the runs")
    parser.add_argument("--out", type=Path, default=Path("models/speech"), help="where the shipped file goes")
    parser.add_argument("--folds", type=_numbers, default=tuple(range(len(FOLDS))), help="e.g. 0,2; empty for none")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=1, help="how many, for the folds")
    parser.add_argument(
        "--without", nargs="*", default=(), type=_corpora, help="also train without a whole corpus; a+b for two at once"
    )
    parser.add_argument("--only-folds", action="store_true", help="ship nothing")
    parser.add_argument("--float", action="store_true", help="stop before anything is quantised")
    parser.add_argument(
        "--set", nargs="*", default=(), type=_changed, metavar="NAME=VALUE", help="for trials: a number of recipe.py"
    )
    parser.add_argument("--device", default="cpu", help="where networks are trained; e.g. cuda")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that extract features")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def _corpora(text: str) -> str:
    if not set(text.split("+")) <= set(CORPORA):
        raise argparse.ArgumentTypeError(f"{text}: the corpora are {', '.join(CORPORA)}")
    return text


def _changed(text: str) -> tuple[str, float]:
    """A number of the recipe by name, as whole as the recipe has it."""
    name, _, value = text.partition("=")
    if name not in {field.name for field in fields(Recipe)}:
        raise argparse.ArgumentTypeError(f"{name}: not in recipe.py")
    return name, type(getattr(Recipe(), name))(float(value))


if __name__ == "__main__":
    main()
