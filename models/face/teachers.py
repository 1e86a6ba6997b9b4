"""Those who teach the student: what trains each of them, or goes on with it, and what all of them say."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from models.face import members, nets, pretrained
from models.face.lessons import Ask, Lesson, labelled, lesson
from models.face.members import Member
from models.face.rounds import Material, examples, judge, pace_of, run_of, tell, trained

_PARTS = 5  # of the faces; each teacher does not see one of them
_LESSON = 1000  # the first number of lessons, so that the teachers have not learned from these very pictures


def alone(chosen: argparse.Namespace, material: Material) -> None:
    """One teacher, or what all of them say: several processes can do as much side by side before the student learns."""
    if chosen.only == "lessons":
        ask = teaching(chosen, material)
        for number in range(chosen.lessons):
            lesson_of(chosen, material, ask, number)
    else:
        teachers(chosen, material)[chosen.only]()


def teachers(chosen: argparse.Namespace, material: Material) -> Mapping[str, Callable[[], Member]]:
    """By name, what trains each of them, or goes on with it."""
    known = {f"teacher-{part}": partial(_knowing, chosen, material, part) for part in range(chosen.teachers)}
    rest = {f"residual-{part}": partial(_residual, chosen, material, part) for part in range(chosen.residuals)}
    return known | rest


def _knowing(chosen: argparse.Namespace, material: Material, part: int) -> Member:
    """A teacher that has seen many faces before."""
    network = nets.teacher()
    nets.begin(network, pretrained.tensors(chosen.work / "pretrained"), examples(material[0]))
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
    run, pace = run_of(chosen, learned, name, network, epochs=epochs, **how), pace_of(chosen)
    seed = chosen.seed + sum(name.encode())  # each sees other variations
    trained(run, name, epochs, (learned, checked), lambda epoch: labelled(learned, pace, seed, epoch))
    return members.of_network(run.average, part, _PARTS)


def teaching(chosen: argparse.Namespace, material: Material) -> Ask:
    """All who teach, trained when they are asked for the first time."""

    @cache
    def found() -> Sequence[Member]:
        every = [members.of_files(given) for given in chosen.member]
        every += [train() for train in teachers(chosen, material).values()]
        tell("those who teach, together", judge(partial(members.mean, every), *material))
        return every

    return lambda *asked: members.mean(found(), *asked)


def lesson_of(chosen: argparse.Namespace, material: Material, ask: Ask, number: int) -> Lesson:
    """What they say of one epoch of varied faces."""
    return lesson(material[0], ask, lesson_file(chosen, number), pace_of(chosen), chosen.seed, _LESSON + number)


def lesson_file(chosen: argparse.Namespace, number: int) -> Path:
    """Where that is kept."""
    return Path(chosen.work / "lessons" / f"{number}.npz")
