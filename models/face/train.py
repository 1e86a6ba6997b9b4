"""scripts/train face: from the public data to models/face/face.tflite.

First teachers: one that has seen many faces learns feelings, others learn them from nothing, each without a part of the
faces. Then the student learns from the labels and from the teachers, beside whom earlier models may teach.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models.common.weights import averaged
from models.face import members, nets
from models.face.learning import Run
from models.face.lessons import Batch, taught
from models.face.material import NAMES, Learned, gather
from models.face.rounds import Material, judge, pace_of, pictures_of, run_of, tell, trained
from models.face.teachers import alone, lesson_file, lesson_of, teachers, teaching

_FEWER = 0.3  # of the teachers' share in the targets, by which it falls towards the end


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
        alone(chosen, material)
        return
    student = _student(chosen, material)
    if chosen.no_file:
        return

    from models.face import pictures, ship

    average = student.average.cpu()
    if chosen.mean:
        average = averaged([average, *(_finished(chosen.work / name / "checkpoint.pt") for name in chosen.mean)])
        tell("the mean of them", judge(partial(members.mean, [members.of_network(average)]), *material))
    notes = {"seed": chosen.seed, "epochs": student.epoch, "teachers": [*teachers(chosen, material)]}
    print(ship.ship(chosen.out, average, learned, checked, notes=notes))
    pictures.training(student.history, NAMES, chosen.out / "training.png")
    print("now run scripts/evaluate face")


def _finished(file: Path) -> Any:
    """A student that has learned before."""
    network = nets.student()
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True)["average"])
    return network.eval()


def _student(chosen: argparse.Namespace, material: Material) -> Run:
    learned, _ = material
    network, highest = nets.student(), chosen.rate
    if chosen.begin:
        _begin(network, chosen.begin, learned)
        highest /= 2
    rates = {"trunk": highest, "head": highest}
    run = run_of(chosen, learned, chosen.name, network, rates=rates, decay=0.02, epochs=chosen.epochs)
    pace, ask = pace_of(chosen), teaching(chosen, material)
    if run.epoch == 0 and not chosen.resume:
        for number in range(chosen.lessons):
            lesson_file(chosen, number).unlink(missing_ok=True)  # of other teachers, perhaps

    def lessons(epoch: int) -> Iterable[Batch]:
        given = lesson_of(chosen, material, ask, epoch % chosen.lessons)
        trust = chosen.trust * (1 - _FEWER * epoch / chosen.epochs)
        return taught(learned, given, pace, trust, chosen.seed, epoch)

    trained(run, chosen.name, chosen.epochs, material, lessons)
    return run


def _begin(network: Any, file: Path, learned: Learned) -> None:
    """Give a student the weights of an earlier one."""
    if file.suffix == ".pt":
        network.load_state_dict(_finished(file).state_dict())
        return
    from models.face import predecessor  # needs the runtime, which a machine that only trains may lack

    shapes = [tuple(m.weight.shape) for m in network.trunk.modules() if isinstance(m, torch.nn.Conv2d)]
    found = predecessor.fitting(predecessor.layers(file), shapes)
    nets.continue_from(network, found, predecessor.head(file), nets.for_student(pictures_of(learned)))


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
