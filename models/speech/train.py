"""scripts/train speech: from the public corpora to models/speech/speech.tflite.

First the folds (each an estimate for people never heard), then the shipped model on everybody, with the same epochs
and the calibration that suits the folds. Interrupt it at will; it goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # read once; the voice detector would otherwise take four threads

import numpy as np
import torch
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.speech.classifier import CLASSES, Certainty, of_labels
from edge.speech.features import FEATURES
from edge.speech.frames import CHUNK, HOP, WINDOW
from models.common.metrics import accuracy, macro_recall
from models.speech.calibrate import MOMENTS, Answers, answers_of, certainty_for, keep_answers, write_certainty
from models.speech.corpora import CORPORA, FOLDS, MAIN, Clip, class_index
from models.speech.dataset import Front, Inputs, Task, fronted
from models.speech.export import ship
from models.speech.fit import EARLY_FRAMES, LONGEST, clip_sums, fit, fitted, statistics_of
from models.speech.head import Answer, Known, answer_layer
from models.speech.hints import hints_for
from models.speech.material import Material, kept_mean, prepare
from models.speech.network import Network, plain, shared_answer
from models.speech.parity import Utterance, as_inputs
from models.speech.recipe import Recipe
from models.speech.teacher import descriptions, judgements, judges

_SHOWN = 150  # segments that show the converter what values occur


@dataclass(frozen=True, eq=False)
class Run:
    """One network to be trained: on which clips, and where it is kept."""

    material: Material
    recipe: Recipe
    seed: int
    chosen: list[int]
    folder: Path

    @property
    def clips(self) -> list[Clip]:
        return self.material.clips

    def trained(self) -> tuple[Network, Inputs, Answer]:
        """A network that knows the chosen clips, the features as it takes them, and its answer in closed form."""
        self.folder.mkdir(parents=True, exist_ok=True)
        extraction = self.material.extraction
        flat = Front(extraction.cepstral_mean, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))
        mine = [self.clips[n] for n in self.chosen]
        mean = kept_mean(mine, extraction.spans, self.folder / "cepstral_mean.npy")
        plain_inputs = Inputs(self.material.copies, extraction.cepstral_mean, flat)
        inputs = fronted(plain_inputs, set(self.chosen), mean)
        net = self._fitted(inputs)
        whole, early = (self._known(net, inputs, most) for most in (LONGEST, EARLY_FRAMES))
        return net, inputs, answer_layer(whole, early, shared_answer(net))

    def _fitted(self, inputs: Inputs) -> Network:
        clips, chosen = self.clips, self.chosen
        done = fitted(self.recipe, self.folder)
        if done is not None:
            return done
        described = descriptions(self.material.copies[0], len(clips))
        lines = judges(described, clips, chosen)
        hints = hints_for(self.material.copies, {n: clips[n].speaker for n in chosen}, lines, self.recipe)
        judged = judgements(described, clips, chosen)
        task = Task(inputs, clips, tuple(CORPORA), judged, hints, self.recipe)
        return fit(task, chosen, self.seed, self.folder, _reporter(self.folder, self.recipe))

    def _known(self, net: Network, inputs: Inputs, most: int) -> Known:
        """The statistics of all chosen clips and copies, computed once."""
        path = self.folder / f"statistics-{most}.npz"
        if not path.exists():
            known = statistics_of(net, inputs, self.clips, self.chosen, most)
            np.savez(path, statistics=known.statistics, keys=[clip.key for clip in known.clips])
        by_key = {clip.key: clip for clip in self.clips}
        with np.load(path) as kept:
            return Known(kept["statistics"], [by_key[key] for key in kept["keys"].tolist()])

    def ship(self, net: Network, inputs: Inputs, answer: Answer, certainty: Certainty, out: Path) -> None:
        """Quantise and write the file and its manifest."""
        weights = plain(net, self.material.extraction.stem.arrays, answer)
        print(f"{self.folder.name}: {certainty}, {weights.parameters} parameters", flush=True)
        ship(weights, inputs.front, certainty.temperature, self._shown(inputs.front), out)
        write_certainty(out, certainty)

    def _shown(self, front: Front) -> list[Utterance]:
        """Segments of all copies of the chosen clips, as the file will see them."""
        draw = np.random.default_rng(0)
        found: list[Utterance] = []
        while len(found) < _SHOWN:
            number, clip = int(draw.integers(len(self.material.copies))), int(draw.choice(self.chosen))
            found += [
                as_inputs(samples, front.cepstral_mean, front.mean, front.deviation)
                for samples in self.material.extraction.heard(clip, number)
                if len(samples) > WINDOW + CHUNK * HOP
            ]
        return found


def main() -> None:
    """Folds, then everybody, then what ships."""
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    recipe = replace(Recipe(), epochs=asked.epochs) if asked.epochs else Recipe()
    material = prepare(asked.data, asked.work, recipe)
    print(f"{len(material.clips)} clips of {len({clip.speaker for clip in material.clips})} speakers", flush=True)
    clips, runs = material.clips, asked.work / "runs"
    away: dict[Run, list[int]] = {}
    for seed in range(asked.seed, asked.seed + asked.seeds):
        for fold in asked.folds:
            held = [n for n, clip in enumerate(clips) if clip.fold() == fold]
            away[Run(material, recipe, seed, _rest(clips, held), runs / f"seed{seed}-fold{fold}")] = held
    for corpus in asked.without:
        held = [n for n, clip in enumerate(clips) if clip.corpus == corpus]
        away[Run(material, recipe, asked.seed, _rest(clips, held), runs / f"seed{asked.seed}-without-{corpus}")] = held
    for run, held in away.items():
        _hold_out(run, held)
    by_key = {clip.key: clip for clip in clips}
    said = {path.parent: answers_of(path.parent, by_key) for path in sorted(runs.glob("*/float.npz"))}
    for run in away:
        others = [one for folder, one in said.items() if _apart(folder, run.folder)]
        write_certainty(run.folder, certainty_for(others))
    if not asked.only_folds:
        run = Run(material, recipe, asked.seed, list(range(len(clips))), runs / f"seed{asked.seed}-all")
        run.ship(*run.trained(), certainty_for(list(said.values())), asked.out)


def _apart(folder: Path, other: Path) -> bool:
    """Whether a run says anything of speakers whom the other one knows: not of the same fold with another seed."""
    return folder.name.partition("-")[2] != other.name.partition("-")[2]


def _rest(clips: list[Clip], held: list[int]) -> list[int]:
    away = set(held)
    return [n for n in range(len(clips)) if n not in away]


def _hold_out(run: Run, held: list[int]) -> None:
    """Train without the speakers held back; keep the file, and what the float network says of them."""
    if (run.folder / "manifest.json").exists():
        return
    net, inputs, answer = run.trained()
    every, order = zip(*(clip_sums(net, inputs, 0, held, most) for most in MOMENTS), strict=True)
    logits = np.stack([answer.logits(np.stack([one.statistics() for one in sums])) for sums in every])
    weights = np.array([[one.weight for one in sums] for sums in every])
    answers = Answers([run.clips[n] for n in order[-1]], logits, weights)
    for corpus in sorted({clip.corpus for clip in answers.clips}):
        _report(f"{run.folder.name} {corpus}", corpus, answers.clips, logits[-1])
    keep_answers(run.folder, answers)
    run.ship(net, inputs, answer, Certainty(1.0), run.folder)


def _report(name: str, corpus: str, clips: list[Clip], logits: NDArray[np.float64]) -> None:
    """Accuracy of the float network in seven classes, and in eight where calm is asked for."""
    mine = np.array([clip.corpus == corpus for clip in clips])
    own = [clip for clip in clips if clip.corpus == corpus]
    truth = np.array([class_index(clip, LABELS) for clip in own])
    guess = of_labels(logits[mine]).argmax(axis=1)
    text = f"{name}: seven {accuracy(truth, guess):.4f} macro {macro_recall(truth, guess, len(LABELS)):.4f}"
    if corpus == MAIN:
        eight = np.array([class_index(clip, CLASSES) for clip in own])
        text += f" eight {accuracy(eight, logits[mine].argmax(axis=1)):.4f}"
    print(text, flush=True)


def _reporter(folder: Path, recipe: Recipe) -> Callable[[int, float, float], None]:
    began = time.monotonic()
    log = folder / "loss.csv"

    def report(epoch: int, answers: float, hints: float) -> None:
        with log.open("a") as file:
            file.write(f"{epoch},{answers:.5f}\n")
        took = time.monotonic() - began
        losses = f"loss {answers:.4f} hints {hints:.4f}"
        print(f"{folder.name} epoch {epoch}/{recipe.epochs} {losses} {took:.0f} s", flush=True)

    return report


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train speech", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
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
