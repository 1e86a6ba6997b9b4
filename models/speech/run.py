"""One network from its clips to its file: what it learns from, the training, the answer in closed form, the file."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edge.inference import Floats
from edge.speech.classifier import Certainty
from edge.speech.features import FEATURES
from edge.speech.frames import CHUNK, HOP, WINDOW
from models.speech.calibrate import MOMENTS, Answers, keep_answers
from models.speech.corpora import CORPORA, PLAIN, UNTOLD, Clip
from models.speech.dataset import Task
from models.speech.expected import expected, typical
from models.speech.fit import Fitting, fitted
from models.speech.head import Answer, answer_layer
from models.speech.hints import hints_for
from models.speech.material import Material, kept_mean
from models.speech.network import Network, plain, shared_answer
from models.speech.parity import Utterance, as_inputs
from models.speech.recipe import Recipe
from models.speech.shelf import Front, Inputs, fronted
from models.speech.statistics import EARLY_FRAMES, LONGEST, clip_sums, statistics_of
from models.speech.teacher import descriptions, judgements, judges

_SHOWN = 150  # segments that show the converter what values occur


@dataclass(frozen=True, eq=False)
class Lesson:
    """Clips to learn from, and what is to be learned of them; the same for every seed."""

    material: Material
    recipe: Recipe
    chosen: list[int]

    @cached_property
    def inputs(self) -> Inputs:
        """The features as a network takes them that knows the chosen clips alone."""
        extraction, flat = self.material.extraction, (np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))
        mine = [extraction.clips[n] for n in self.chosen]
        mark = f"{zlib.crc32(''.join(clip.key for clip in mine).encode()):08x}"
        mean = kept_mean(mine, extraction.spans, self.material.work / f"cepstral_mean-{mark}.npy")
        plain_front = Front(extraction.cepstral_mean, *flat)
        return fronted(Inputs(self.material.shelf, extraction.cepstral_mean, plain_front), set(self.chosen), mean)

    @cached_property
    def task(self) -> Task:
        clips, chosen, copies = self.material.clips, self.chosen, self.material.copies
        described = descriptions(copies[0], len(clips))
        lines = judges(described, clips, chosen)
        speakers = {n: clips[n].speaker for n in chosen}
        hints = hints_for(copies, speakers, lines, self.recipe, self.material.device)
        judged = judgements(described, clips, chosen)
        return Task(self.inputs, clips, (*CORPORA, PLAIN), judged, hints, self.recipe)


@dataclass(frozen=True, eq=False)
class Run:
    """One network, and where all that is left of its training is kept."""

    lesson: Lesson
    seed: int
    folder: Path

    @property
    def clips(self) -> list[Clip]:
        return self.lesson.material.clips

    def trained(self) -> tuple[Network, Front, Answer]:
        """A network that knows the lesson's clips, the front before it, and its answer in closed form."""
        self.folder.mkdir(parents=True, exist_ok=True)
        net = fitted(self.lesson.recipe, self.folder)
        if net is None:
            reporter = _reporter(self.folder, self.lesson.recipe)
            task, stem, chosen = self.lesson.task, self.lesson.material.stem, self.lesson.chosen
            net = Fitting(task, stem, chosen, self.seed, self.folder, reporter).network()
        kept = self.folder / "answer.npz"
        if not kept.exists():
            front, answer = self.lesson.inputs.front, self._answer(net)
            both = {f"front_{name}": values for name, values in vars(front).items()} | vars(answer)
            np.savez(kept, **both)
        with np.load(kept) as parts:
            front = Front(**{name: parts[f"front_{name}"] for name in Front.__annotations__})
            answer = Answer(**{name: parts[name] for name in Answer.__annotations__})
        return net.cpu(), front, answer

    def _answer(self, net: Network) -> Answer:
        lesson = self.lesson
        told = [n for n in lesson.chosen if self.clips[n].emotion != UNTOLD]
        whole, early = (statistics_of(net, lesson.inputs, self.clips, told, most) for most in (LONGEST, EARLY_FRAMES))
        recipe, shared = lesson.recipe, shared_answer(net.cpu())
        chosen = {"weight": recipe.shared, "talk_often": recipe.talk_often, "shrinkage": recipe.shrinkage}
        return answer_layer(whole, early, shared, strangers=recipe.strangers, **chosen)

    def judged(self, held: list[int]) -> Answers:
        """What the float network says of clips whose speakers it has never heard, as recorded."""
        net, _, answer = self.trained()
        every, order = zip(*(clip_sums(net, self.lesson.inputs, 0, held, most) for most in MOMENTS), strict=True)
        logits = np.stack([answer.logits(np.stack([one.statistics() for one in sums])) for sums in every])
        weights = np.array([[one.weight for one in sums] for sums in every])
        answers = Answers([self.clips[n] for n in order[-1]], logits, weights)
        keep_answers(self.folder, answers)
        return answers

    def ship(self, certainty: Certainty, out: Path) -> None:
        """Quantise and write the file and its manifest."""
        from models.speech.export import Shipped, ship, write_certainty  # TensorFlow, which all else does without

        net, front, answer = self.trained()
        weights = plain(net, answer)
        print(f"{self.folder.name}: {certainty}, {weights.parameters} parameters", flush=True)
        shipped = Shipped(weights, front, self.expected(net, front, answer), certainty.temperature)
        ship(shipped, self._shown(front), out)
        write_certainty(out, certainty)

    def expected(self, net: Network, front: Front, answer: Answer) -> Floats:
        """What the statistics of each label are like in general."""
        extraction = self.lesson.material.extraction
        some = [
            (corpus, label, [extraction.heard(clip, 0) for clip in clips])
            for corpus, label, clips in typical(self.clips, self.lesson.chosen)
        ]
        return expected(net, front, answer, some)

    def _shown(self, front: Front) -> list[Utterance]:
        """Segments of all copies of the chosen clips, as the file will see them."""
        draw = np.random.default_rng(0)
        found: list[Utterance] = []
        while len(found) < _SHOWN:
            number, clip = int(draw.integers(1 + self.lesson.recipe.copies)), int(draw.choice(self.lesson.chosen))
            found += [
                as_inputs(samples, front.cepstral_mean, front.mean, front.deviation)
                for samples in self.lesson.material.extraction.heard(clip, number)
                if len(samples) > WINDOW + CHUNK * HOP
            ]
        return found


def _reporter(folder: Path, recipe: Recipe) -> Callable[[int, float, float], None]:
    began = time.monotonic()
    log, epochs = folder / "loss.csv", recipe.epochs + recipe.branches * recipe.branch_epochs

    def report(epoch: int, answers: float, hints: float) -> None:
        with log.open("a") as file:
            file.write(f"{epoch},{answers:.5f}\n")
        took = time.monotonic() - began
        losses = f"loss {answers:.4f} hints {hints:.4f}"
        print(f"{folder.name} epoch {epoch}/{epochs} {losses} {took:.0f} s", flush=True)

    return report
