"""scripts/train face: from the public data to models/face/face.tflite.

First a teacher that has seen many faces learns feelings, then the student learns from the labels and from the teacher.
Both learn both kinds of labels; the model for FER2013's own ends beside the one that ships, for comparison.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from models.common.metrics import accuracy
from models.face import choice, data, nets, pictures, pretrained, ship, targets
from models.face.batches import Batch, batches, chances, standardised
from models.face.learning import Floats, Run, answers, both_ways
from models.face.lessons import lessons

_BATCH = 64
_HELD_BACK = 0.08  # of Training, for every choice that is made
_EXAMPLES = 256  # faces to set the teacher's norms by
_LESSONS = 8  # epochs of a round that the teacher answers; the others show the same pictures again, mirrored or not
_LESSON = 1000  # their first number, so that the teacher has not seen these very pictures


@dataclass(frozen=True)
class Material:
    """Faces to learn from and to choose by, and what the heads should say of the former."""

    learn: data.Faces
    check: data.Faces
    targets: Mapping[str, Floats]
    weights: Mapping[str, Floats]
    chance: NDArray[np.float64]

    @property
    def steps(self) -> int:
        """In an epoch."""
        return len(self.learn) // _BATCH

    @property
    def offsets(self) -> dict[str, Floats]:
        """The logarithm of how common each class is among what is drawn."""
        return {head: np.log(np.asarray(self.chance @ wanted, np.float32)) for head, wanted in self.targets.items()}

    @property
    def natural(self) -> dict[str, Floats]:
        """The logarithm of how common each class is."""
        return {head: np.log(targets.prior(wanted)) for head, wanted in self.targets.items()}


def main() -> None:
    """Read the arguments, train both, choose, convert, ship."""
    chosen = _arguments()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    material = gather(chosen.data)
    print(f"{len(material.learn)} faces to learn from, {len(material.check)} to choose by", flush=True)
    teacher = _teacher(chosen, material)
    student = _student(chosen, material, teacher)

    notes = {"seed": chosen.seed, "epochs": student.epoch, "teacher_epochs": chosen.teacher_epochs}
    for head, folder in (("ferplus", chosen.out), ("fer2013", chosen.out / "fer2013")):
        print(ship.ship(folder, student.average, material.learn, material.check, head=head, notes=notes))
    pictures.training(student.history, chosen.out / "training.png")
    print("now run scripts/evaluate face")


def gather(where: Path) -> Material:
    """What both networks learn from."""
    learn, check = data.split(data.load(data.find(where), "Training"), _HELD_BACK, seed=0)
    wanted = {head: targets.soft(learn, head) for head in nets.HEADS}
    counts = {head: targets.weights(learn, head) for head in nets.HEADS}
    return Material(learn, check, wanted, counts, chances(wanted["ferplus"]))


def judge(network: Any, material: Material) -> dict[str, float]:
    """On the validation part, with mirror images, with the natural prior: accuracies and the loss for FER+."""
    shown = torch.from_numpy(standardised(material.check.images))
    with torch.inference_mode():
        said = [both_ways(network, part) for part in shown.split(128)]
    record = {}
    for head, name in (("ferplus", ""), ("fer2013", "fer2013_")):
        clear, truth = targets.truth(material.check, head)
        logits = torch.cat([part[head] for part in said]).numpy()[clear] + material.natural[head]
        record[f"{name}accuracy"] = accuracy(truth[clear], logits.argmax(axis=1))
        record[f"{name}validation_loss"] = choice.loss(truth[clear], logits)
    return record


def _teacher(chosen: argparse.Namespace, material: Material) -> Any:
    """The averaged teacher."""
    network = nets.teacher()
    every = max(1, len(material.learn) // _EXAMPLES)
    examples = torch.from_numpy(standardised(material.learn.images[::every]))
    nets.begin(network, pretrained.tensors(chosen.work / "pretrained"), examples)
    rates = {"trunk": 5e-4, "heads": 2e-3}
    run = _run(chosen, material, "teacher", network, rates=rates, decay=0.05, epochs=chosen.teacher_epochs)
    _train(run, "teacher", chosen.teacher_epochs, material, lambda epoch: _stream(material, chosen.seed, epoch))
    return run.average


def _student(chosen: argparse.Namespace, material: Material, teacher: Any) -> Run:
    rates = {"trunk": 3e-3, "heads": 3e-3}
    run = _run(chosen, material, "student", nets.student(), rates=rates, decay=0.02, epochs=chosen.epochs)
    kept = [chosen.work / "student" / f"answers-{lesson}.npy" for lesson in range(_LESSONS * chosen.rounds)]
    if run.epoch == 0:
        for path in kept:
            path.unlink(missing_ok=True)  # of another teacher, perhaps

    def ask(shown: Floats) -> Floats:
        return answers(teacher, shown, material.offsets)

    def taught(epoch: int) -> Iterable[Batch]:
        lesson = epoch // chosen.epochs * _LESSONS + epoch % chosen.epochs % _LESSONS
        stream = _stream(material, chosen.seed, _LESSON + lesson)
        random = np.random.default_rng((chosen.seed, epoch))
        return lessons(stream, ask, kept[lesson], random)

    _train(run, "student", chosen.epochs * chosen.rounds, material, taught)
    return run


def _run(
    chosen: argparse.Namespace,
    material: Material,
    name: str,
    network: Any,
    *,
    rates: Mapping[str, float],
    decay: float,
    epochs: int,
) -> Run:
    return Run(
        chosen.work / name,
        network,
        rates=rates,
        decay=decay,
        steps=epochs * material.steps,
        offsets=material.offsets,
        seed=chosen.seed,
        resume=chosen.resume,
    )


def _stream(material: Material, seed: int, epoch: int) -> Iterable[Batch]:
    images, wanted, counts = material.learn.images, material.targets, material.weights
    return batches(images, wanted, counts, material.chance, size=_BATCH, seed=seed, epoch=epoch)


def _train(run: Run, name: str, epochs: int, material: Material, stream: Callable[[int], Iterable[Batch]]) -> None:
    """All epochs, or those that are left."""
    while run.epoch < epochs:
        bar = tqdm(stream(run.epoch), f"{name} {run.epoch + 1}/{epochs}", material.steps, mininterval=5)
        loss = run.train(bar)
        record = {"loss": loss, **judge(run.average, material)}
        run.keep(record)
        print("  ".join(f"{key} {value:.4f}" for key, value in record.items()), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train face", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013 and the FER+ votes")
    parser.add_argument("--epochs", type=int, default=24, help="of the student, in a round")
    parser.add_argument("--rounds", type=int, default=2, help="of the student, each with lessons of its own")
    parser.add_argument("--teacher-epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--work", type=Path, default=Path(".training/face"), help="checkpoints and histories")
    parser.add_argument("--out", type=Path, default=Path("models/face"), help="where the models go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
