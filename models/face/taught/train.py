"""scripts/train face/taught: student alone, then with a teacher, both for both kinds of labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from edge.readings import LABELS
from models.common.metrics import accuracy, macro_recall
from models.face import data, targets
from models.face.batches import chances
from models.face.taught import batches, nets, ship
from models.face.taught.learning import Learner, Run

_BATCH = 64
_MIXED = 0.5  # of the batches, in the first part of the teacher's training
_MIXED_UNTIL = 0.25
HELD_BACK = 0.08  # of Training, for every choice that is made
ENOUGH = 10  # faces of a class, for its recall to be counted on the validation part


def main() -> None:
    """Read the arguments, train, choose, convert, ship."""
    chosen = _arguments()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    learn, check = data.split(data.load(data.find(chosen.data), "Training"), HELD_BACK, seed=0)
    print(f"{len(learn)} faces to learn from, {len(check)} to choose by", flush=True)
    runs = train(learn, check, chosen)

    out: Path = chosen.out or chosen.work / chosen.labels
    out.mkdir(parents=True, exist_ok=True)
    notes = {"seed": chosen.seed, "epochs": chosen.epochs, "teacher_epochs": chosen.teacher_epochs}
    student = runs[-1].learners["student"].average
    print(ship.ship(out, student, learn, check, labels=chosen.labels, notes=notes))
    print(f"now run scripts/evaluate face --data ... --model {out}")


def train(learn: data.Faces, check: data.Faces, chosen: argparse.Namespace) -> list[Run]:
    """The student alone, then with a teacher: all epochs, or those that are left."""
    wanted = {head: targets.soft(learn, head) for head in nets.HEADS}
    counts = {head: targets.weights(learn, head) for head in nets.HEADS}
    chance = chances(wanted["ferplus"])
    per_epoch = len(learn) // _BATCH
    offsets = {head: np.log(np.asarray(chance @ wanted[head], np.float32)) for head in nets.HEADS}
    shown = batches.standardised(check.images)

    def go(stage: str, epochs: int, mixed: float, begin: Any = None) -> Run:
        run = Run(
            chosen.work / stage,
            steps=epochs * per_epoch,
            offsets=offsets,
            seed=chosen.seed,
            resume=chosen.resume,
            begin=begin,
        )
        while run.epoch < epochs:
            share = mixed if run.epoch < epochs * _MIXED_UNTIL else 0.0
            stream = batches.batches(
                learn.images, wanted, counts, chance, size=_BATCH, seed=chosen.seed, epoch=run.epoch, mixed=share
            )
            record = run.train(tqdm(stream, f"{stage} {run.epoch + 1}/{epochs}", per_epoch, mininterval=5))
            for name, learner in run.learners.items():
                record |= {f"{name}_{key}": value for key, value in judge(learner, check, shown, wanted).items()}
            run.keep(record)
            print("  ".join(f"{name} {value:.4f}" for name, value in record.items()), flush=True)
        return run

    alone = go("alone", chosen.epochs, mixed=0.0)
    begin = alone.learners["student"].average.state_dict()
    return [alone, go("taught", chosen.teacher_epochs, mixed=_MIXED, begin=begin)]


def judge(learner: Learner, check: data.Faces, shown: Any, wanted: dict[str, Any]) -> dict[str, float]:
    """Accuracy with the natural prior, for FER+ also macro recall without one."""
    record = {}
    for head, name in (("ferplus", "accuracy"), ("fer2013", "fer2013_accuracy")):
        clear, truth = targets.truth(check, head)
        logits, truth = learner.logits(shown[clear], head), truth[clear]
        natural = np.log(targets.prior(wanted[head]))
        record[name] = accuracy(truth, (logits + natural).argmax(axis=1))
        if head == "ferplus":
            record["macro_recall"] = macro_recall(truth, logits.argmax(axis=1), len(LABELS), ENOUGH)
    return record


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/train face/taught", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013 and the FER+ votes")
    parser.add_argument(
        "--labels", choices=nets.HEADS, default="ferplus", help="which of the two learned heads to convert"
    )
    parser.add_argument("--epochs", type=int, default=34, help="of the student alone")
    parser.add_argument("--teacher-epochs", type=int, default=15, help="of the teacher; the student joins half-way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--work", type=Path, default=Path(".training/face/taught"), help="checkpoint and history")
    parser.add_argument("--out", type=Path, help="where the model goes (default: under --work)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
