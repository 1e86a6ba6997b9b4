"""scripts/train face: from the public data to models/face/face.tflite.

First teachers: one that has seen many faces learns feelings, others learn them from nothing, each without a part of the
faces. Then the student learns from the labels and from the teachers, beside whom earlier models may teach.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from edge.readings import LABELS
from models.common.metrics import accuracy, macro_recall
from models.face import members, nets, pretrained
from models.face.learning import Run, averaged
from models.face.lessons import Ask, Batch, Lesson, Pace, labelled, lesson, taught
from models.face.material import NAMES, Checked, Learned, gather
from models.face.members import Member

_EXAMPLES = 256  # faces to set the norms of a network by
_LESSON = 1000  # the first number of lessons, so that the teachers have not learned from these very pictures
_AT_ONCE = 128  # faces
_ENOUGH = 5  # faces of a class, for its recall to count where we choose
_PARTS = 5  # of the faces; each teacher does not see one of them
_FEWER = 0.3  # of the teachers' share in the targets, by which it falls towards the end

Material = tuple[Learned, Checked]


def main() -> None:
    """Read the arguments, train them all, convert, ship; or train one teacher."""
    chosen = _arguments()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    material = gather(chosen.data, chosen.work / "faces.npz")
    learned, checked = material
    print(f"{len(learned)} faces to learn from, {len(checked.label)} to choose by", flush=True)
    if chosen.only:
        _alone(chosen, material)
        return
    student = _student(chosen, material)
    if chosen.no_file:
        return

    from models.face import pictures, ship

    average = student.average.cpu()
    if chosen.mean:
        average = averaged([average, *(_finished(chosen.work / name / "checkpoint.pt") for name in chosen.mean)])
        _tell("the mean of them", judge(partial(members.mean, [members.of_network(average)]), *material))
    notes = {"seed": chosen.seed, "epochs": student.epoch, "teachers": [*_teachers(chosen, material)]}
    print(ship.ship(chosen.out, average, learned, checked, notes=notes))
    pictures.training(student.history, NAMES, chosen.out / "training.png")
    print("now run scripts/evaluate face")


def _finished(file: Path) -> Any:
    """A student that has learned before."""
    network = nets.student()
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["average"])
    return network.eval()


def _alone(chosen: argparse.Namespace, material: Material) -> None:
    """One teacher, or what all of them say: several processes can do as much side by side before the student learns."""
    if chosen.only == "lessons":
        teaching = _teaching(chosen, material)
        for number in range(chosen.lessons):
            _lesson(chosen, material, teaching, number)
    else:
        _teachers(chosen, material)[chosen.only]()


def judge(ask: Ask, learned: Learned, checked: Checked) -> dict[str, float]:
    """On what we choose by: macro recall of each set, and FER+ with its natural prior."""
    faces, nobody = torch.from_numpy(checked.faces)[:, None], np.full(len(checked.label), -1)
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(checked.label), _AT_ONCE)]
    logits = np.concatenate([ask(faces[part], checked.set[part], nobody[part]) for part in parts])
    record = {}
    for number, name in enumerate(NAMES):
        here = checked.set == number
        record[name] = macro_recall(checked.label[here], logits[here].argmax(axis=1), len(LABELS), _ENOUGH)
    fer = checked.set == 0
    record["natural"] = accuracy(checked.label[fer], (logits[fer] + learned.natural).argmax(axis=1))
    return record


def _teachers(chosen: argparse.Namespace, material: Material) -> Mapping[str, Callable[[], Member]]:
    """By name, what trains each of them, or goes on with it."""
    known = {f"teacher-{part}": partial(_knowing, chosen, material, part) for part in range(chosen.teachers)}
    rest = {f"residual-{part}": partial(_residual, chosen, material, part) for part in range(chosen.residuals)}
    return known | rest


def _knowing(chosen: argparse.Namespace, material: Material, part: int) -> Member:
    """A teacher that has seen many faces before."""
    network = nets.teacher()
    nets.begin(network, pretrained.tensors(chosen.work / "pretrained"), _examples(material[0]))
    rates = {"trunk": 5e-4, "head": 2e-3}
    epochs, name = chosen.teacher_epochs, f"teacher-{part}"
    return _member(chosen, material, name, network, part=part, rates=rates, epochs=epochs, decay=0.05)


def _residual(chosen: argparse.Namespace, material: Material, part: int) -> Member:
    """A teacher that begins with nothing."""
    torch.manual_seed(chosen.seed + 1 + part)
    rates = {"trunk": 2e-3, "head": 2e-3}
    epochs, name = chosen.residual_epochs, f"residual-{part}"
    return _member(chosen, material, name, nets.residual(), part=part, rates=rates, epochs=epochs, decay=0.1)


def _member(
    chosen: argparse.Namespace, material: Material, name: str, network: Any, *, part: int, epochs: int, **how: Any
) -> Member:
    """It learns from labels alone; where others teach too, without one part of the faces."""
    learned, checked = material
    if chosen.teachers + chosen.residuals > 1:
        learned = learned.without(part, _PARTS)
    else:
        part = -1
    run, pace = _run(chosen, learned, name, network, epochs=epochs, **how), _pace(chosen)
    seed = chosen.seed + sum(name.encode())  # each sees other variations
    _train(run, name, epochs, (learned, checked), lambda epoch: labelled(learned, pace, seed, epoch))
    return members.of_network(run.average, part, _PARTS)


def _student(chosen: argparse.Namespace, material: Material) -> Run:
    learned, _ = material
    network, highest = nets.student(), chosen.rate
    if chosen.begin:
        _begin(network, chosen.begin, learned)
        highest /= 2
    rates = {"trunk": highest, "head": highest}
    run = _run(chosen, learned, chosen.name, network, rates=rates, decay=0.02, epochs=chosen.epochs)
    pace, teaching = _pace(chosen), _teaching(chosen, material)
    if run.epoch == 0 and not chosen.resume:
        for number in range(chosen.lessons):
            _lesson_file(chosen, number).unlink(missing_ok=True)  # of other teachers, perhaps

    def lessons(epoch: int) -> Iterable[Batch]:
        given = _lesson(chosen, material, teaching, epoch % chosen.lessons)
        trust = chosen.trust * (1 - _FEWER * epoch / chosen.epochs)
        return taught(learned, given, pace, trust, chosen.seed, epoch)

    _train(run, chosen.name, chosen.epochs, material, lessons)
    return run


def _begin(network: Any, file: Path, learned: Learned) -> None:
    """Give a student the weights of an earlier one."""
    if file.suffix == ".pt":
        network.load_state_dict(_finished(file).state_dict())
        return
    from models.face import predecessor  # needs the runtime, which a machine that only trains may lack

    shapes = [tuple(m.weight.shape) for m in network.trunk.modules() if isinstance(m, torch.nn.Conv2d)]
    found = predecessor.fitting(predecessor.layers(file), shapes)
    nets.continue_from(network, found, predecessor.head(file), nets.for_student(_pictures(learned)))


def _teaching(chosen: argparse.Namespace, material: Material) -> Ask:
    """All who teach, trained when they are asked for the first time."""

    @cache
    def found() -> Sequence[Member]:
        every = [members.of_files(given) for given in chosen.member]
        every += [train() for train in _teachers(chosen, material).values()]
        _tell("those who teach, together", judge(partial(members.mean, every), *material))
        return every

    return lambda *asked: members.mean(found(), *asked)


def _lesson(chosen: argparse.Namespace, material: Material, ask: Ask, number: int) -> Lesson:
    return lesson(material[0], ask, _lesson_file(chosen, number), _pace(chosen), chosen.seed, _LESSON + number)


def _lesson_file(chosen: argparse.Namespace, number: int) -> Path:
    return Path(chosen.work / "lessons" / f"{number}.npz")


def _pace(chosen: argparse.Namespace) -> Pace:
    return Pace(chosen.batch, chosen.device)


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
        network.to(chosen.device),
        rates=rates,
        decay=decay,
        steps=epochs * _pace(chosen).steps(learned),
        seed=chosen.seed,
        resume=chosen.resume,
    )


def _train(run: Run, title: str, epochs: int, material: Material, stream: Callable[[int], Iterable[Batch]]) -> None:
    """All epochs, or those that are left."""
    while run.epoch < epochs:
        loss = run.train(tqdm(stream(run.epoch), f"{title} {run.epoch + 1}/{epochs}", mininterval=10))
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
    parser.add_argument("--epochs", type=int, default=80, help="of the student")
    parser.add_argument("--lessons", type=int, default=8, help="epochs of the student that the teachers answer")
    parser.add_argument(
        "--trust", type=float, default=0.95, help="the teachers' share in what the student is to answer"
    )
    parser.add_argument("--rate", type=float, default=3e-3, help="of the student; half of it where it has begun")
    parser.add_argument("--teacher-epochs", type=int, default=14)
    parser.add_argument("--teachers", type=int, default=1, help="who knew many faces before, up to five")
    parser.add_argument("--residuals", type=int, default=5, help="who begin with nothing, up to five; 0 without a GPU")
    parser.add_argument("--residual-epochs", type=int, default=30)
    parser.add_argument(
        "--member",
        action="append",
        default=[],
        metavar="[SET=]FOLDER",
        help="an earlier model that answers beside the teacher, for all faces or those of one set; may be repeated",
    )
    parser.add_argument("--begin", type=Path, help="an earlier face.tflite, or a checkpoint.pt, to go on from")
    parser.add_argument("--only", help="stop after one teacher (teacher-0, residual-0, ...) or after the lessons")
    parser.add_argument("--name", default="student", help="folder of the student's checkpoint")
    parser.add_argument(
        "--mean",
        nargs="*",
        default=[],
        metavar="NAME",
        help="further students that began alike, to ship the mean of all",
    )
    parser.add_argument("--no-file", action="store_true", help="stop before the conversion, which needs TensorFlow")
    parser.add_argument("--device", default="cpu", help="cuda: with a GPU")
    parser.add_argument("--batch", type=int, default=64, help="faces a step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--work", type=Path, default=Path(".training/face"), help="checkpoints and histories")
    parser.add_argument("--out", type=Path, default=Path("models/face"), help="where the model goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
