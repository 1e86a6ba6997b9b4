"""scripts/train face: from the public data to models/face/face.tflite.

First a teacher that has seen many faces learns feelings, then the student learns from the labels and from the teacher,
beside whom earlier models may teach.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from edge.readings import LABELS
from models.common.metrics import accuracy, macro_recall
from models.face import members, nets, predecessor, pretrained
from models.face.learning import Run
from models.face.lessons import Ask, Batch, labelled, lesson, steps, taught
from models.face.material import NAMES, Checked, Learned, gather

_EXAMPLES = 256  # faces to set the norms of a network by
_LESSON = 1000  # the first number of lessons, so that the teacher has not learned from these very pictures
_AT_ONCE = 128  # faces
_ENOUGH = 5  # faces of a class, for its recall to count where we choose

Material = tuple[Learned, Checked]


def main() -> None:
    """Read the arguments, train both, convert, ship."""
    chosen = _arguments()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    learned, checked = gather(chosen.data, chosen.work / "faces.npz")
    print(f"{len(learned)} faces to learn from, {len(checked.label)} to choose by", flush=True)
    teachers = [members.of_files(given) for given in chosen.member]
    teachers.append(members.of_network(_teacher(chosen, learned, checked)))
    ask = partial(members.mean, teachers)
    _tell("those who teach, together", judge(ask, learned, checked))
    student = _student(chosen, learned, checked, ask)

    from models.face import pictures, ship

    notes = {"seed": chosen.seed, "epochs": student.epoch, "teacher_epochs": chosen.teacher_epochs}
    print(ship.ship(chosen.out, student.average, learned, checked, notes=notes))
    pictures.training(student.history, NAMES, chosen.out / "training.png")
    print("now run scripts/evaluate face")


def judge(ask: Ask, learned: Learned, checked: Checked) -> dict[str, float]:
    """On what we choose by: macro recall of each set, and FER+ with its natural prior."""
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(checked.label), _AT_ONCE)]
    logits = np.concatenate([ask(checked.faces[part], checked.set[part]) for part in parts])
    record = {}
    for number, name in enumerate(NAMES):
        here = checked.set == number
        record[name] = macro_recall(checked.label[here], logits[here].argmax(axis=1), len(LABELS), _ENOUGH)
    fer = checked.set == 0
    record["natural"] = accuracy(checked.label[fer], (logits[fer] + learned.natural).argmax(axis=1))
    return record


def _teacher(chosen: argparse.Namespace, learned: Learned, checked: Checked) -> Any:
    """The averaged teacher."""
    network = nets.teacher()
    nets.begin(network, pretrained.tensors(chosen.work / "pretrained"), _examples(learned))
    rates = {"trunk": 5e-4, "head": 2e-3}
    run = _run(chosen, learned, "teacher", network, rates=rates, decay=0.05, epochs=chosen.teacher_epochs)
    _train(
        run, "teacher", chosen.teacher_epochs, (learned, checked), lambda epoch: labelled(learned, chosen.seed, epoch)
    )
    return run.average


def _student(chosen: argparse.Namespace, learned: Learned, checked: Checked, ask: Ask) -> Run:
    network, highest = nets.student(), 3e-3
    if chosen.begin:
        convolutions = [m for m in network.trunk.modules() if isinstance(m, torch.nn.Conv2d)]
        shapes = [tuple(convolution.weight.shape) for convolution in convolutions]
        found = predecessor.fitting(predecessor.layers(chosen.begin), shapes)
        nets.continue_from(network, found, predecessor.head(chosen.begin), nets.for_student(_pictures(learned)))
        highest = 1.5e-3
    rates = {"trunk": highest, "head": highest}
    run = _run(chosen, learned, "student", network, rates=rates, decay=0.02, epochs=chosen.epochs)
    kept = [chosen.work / "student" / f"lesson-{number}.npz" for number in range(chosen.lessons)]
    if run.epoch == 0 and not chosen.resume:
        for path in kept:
            path.unlink(missing_ok=True)  # of another teacher, perhaps

    def lessons(epoch: int) -> Iterable[Batch]:
        number = epoch % chosen.lessons
        given = lesson(learned, ask, kept[number], chosen.seed, _LESSON + number)
        return taught(learned, given, epoch / chosen.epochs, chosen.seed, epoch)

    _train(run, "student", chosen.epochs, (learned, checked), lessons)
    return run


def _pictures(learned: Learned) -> Any:
    """Some faces of all sets, as they are."""
    some = learned.kept[:: max(1, len(learned) // _EXAMPLES)]
    edge = round(some.shape[1] * (1 - 1 / 1.4) / 2)
    return torch.from_numpy(np.ascontiguousarray(some[:, edge:-edge, edge:-edge]))[:, None].float()


def _examples(learned: Learned) -> Any:
    return nets.standardised(_pictures(learned))


def _run(
    chosen: argparse.Namespace,
    learned: Learned,
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
        steps=epochs * steps(learned),
        seed=chosen.seed,
        resume=chosen.resume,
    )


def _train(run: Run, title: str, epochs: int, material: Material, stream: Callable[[int], Iterable[Batch]]) -> None:
    """All epochs, or those that are left."""
    while run.epoch < epochs:
        bar = tqdm(stream(run.epoch), f"{title} {run.epoch + 1}/{epochs}", steps(material[0]), mininterval=10)
        loss = run.train(bar)
        record = {"loss": loss, **judge(partial(members.mean, [members.of_network(run.average)]), *material)}
        run.keep(record)
        _tell(f"{title} {run.epoch}", record)


def _tell(who: str, record: Mapping[str, float]) -> None:
    print(f"{who}: " + "  ".join(f"{key} {value:.4f}" for key, value in record.items()), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train face", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with FER2013, the FER+ votes and the other sets"
    )
    parser.add_argument("--epochs", type=int, default=24, help="of the student")
    parser.add_argument("--lessons", type=int, default=6, help="epochs of the student that the teachers answer")
    parser.add_argument("--teacher-epochs", type=int, default=12)
    parser.add_argument(
        "--member",
        action="append",
        default=[],
        metavar="[SET=]FOLDER",
        help="an earlier model that answers beside the teacher, for all faces or those of one set; may be repeated",
    )
    parser.add_argument("--begin", type=Path, help="an earlier face.tflite that the student goes on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--work", type=Path, default=Path(".training/face"), help="checkpoints and histories")
    parser.add_argument("--out", type=Path, default=Path("models/face"), help="where the model goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
