"""Rounds of learning that students and teachers go through alike, and how good each is on the faces to choose by."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from edge.readings import LABELS
from models.common.metrics import accuracy, macro_recall
from models.face import members, nets
from models.face.framing import REACH
from models.face.learning import Run
from models.face.lessons import Ask, Batch, Pace
from models.face.material import NAMES, Checked, Learned

Material = tuple[Learned, Checked]

_EXAMPLES = 256  # faces to set the norms of a network by
_AT_ONCE = 128  # faces
_ENOUGH = 5  # faces of a class, for its recall to count where we choose


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


def run_of(
    chosen: argparse.Namespace,
    learned: Learned,
    name: str,
    network: Any,
    *,
    rates: Mapping[str, float],
    decay: float,
    epochs: int,
) -> Run:
    """A round of learning that begins, or goes on where its checkpoint says."""
    return Run(
        chosen.work / name,
        network.to(chosen.device),
        rates=rates,
        decay=decay,
        steps=epochs * pace_of(chosen).steps(learned),
        seed=chosen.seed,
        resume=chosen.resume,
    )


def trained(run: Run, title: str, epochs: int, material: Material, stream: Callable[[int], Iterable[Batch]]) -> None:
    """All epochs, or those that are left."""
    while run.epoch < epochs:
        loss = run.train(tqdm(stream(run.epoch), f"{title} {run.epoch + 1}/{epochs}", mininterval=10))
        record = {"loss": loss, **judge(partial(members.mean, [members.of_network(run.average)]), *material)}
        run.keep(record)
        tell(f"{title} {run.epoch}", record)


def tell(who: str, record: Mapping[str, float]) -> None:
    """One line for the person who waits."""
    print(f"{who}: " + "  ".join(f"{key} {value:.4f}" for key, value in record.items()), flush=True)


def pace_of(chosen: argparse.Namespace) -> Pace:
    """As the person who trains asked."""
    return Pace(chosen.batch, chosen.device)


def pictures_of(learned: Learned) -> Any:
    """Some faces of all sets, as they are."""
    some = learned.kept[:: max(1, len(learned) // _EXAMPLES)]
    edge = round(some.shape[1] * (1 - 1 / REACH) / 2)
    return torch.from_numpy(np.ascontiguousarray(some[:, edge:-edge, edge:-edge]))[:, None].float()


def examples(learned: Learned) -> Any:
    """The same, standardised."""
    return nets.standardised(pictures_of(learned))
