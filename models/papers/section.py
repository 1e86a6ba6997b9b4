"""What the papers' modules exchange: what is asked for, a system, and what became of it, kept for a later run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.papers.fit import Outcome

RANDOM, PEOPLE, WORDS = "by recordings, at random", "people held out", "words held out"
OWN_PARTS = "FER2013's own parts"
EPOCHS = 50  # the papers' number


@dataclass(frozen=True)
class Asked:
    """How much of what is run."""

    data: Path
    work: Path  # what is done is kept here
    epochs: int = EPOCHS
    faces: int = 28_000  # of FER2013 to learn from
    most: int | None = None  # recordings of each corpus

    def file(self, name: str, suffix: str) -> Path:
        """In `work`; what was asked for otherwise has another name."""
        return self.work / f"{name}-{self.epochs}-epochs-{self.faces}-faces-{self.most or 'all'}{suffix}"

    @property
    def said(self) -> str:
        """For a recipe."""
        return f"{self.epochs} epochs" + ("." if self.epochs == EPOCHS else f"; the paper's number is {EPOCHS}.")


@dataclass(frozen=True)
class Section:
    """One system of a paper, measured."""

    name: str  # of its pictures
    title: str
    claim: str  # of the paper
    recipe: str  # what was done here, and what was done otherwise
    outcomes: Mapping[str, Outcome]
    ours: str = ""  # which figure of the product stands beside it
    epochs: int = EPOCHS  # of the run that is kept
    faces: int = 28_000  # it was asked for


@dataclass(frozen=True)
class System:
    name: str
    measured: Callable[[Asked], Section]


def keep(section: Section, asked: Asked) -> None:
    """For a later run of the same."""
    outcomes = {
        name: {"truth": one.truth.tolist(), "guess": one.guess.tolist(), "classes": one.classes, "curve": one.curve}
        for name, one in section.outcomes.items()
    }
    told = {
        "epochs": asked.epochs,
        "faces": asked.faces,
        "title": section.title,
        "claim": section.claim,
        "recipe": section.recipe,
        "ours": section.ours,
    }
    path = asked.file(section.name, ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(json.dumps(told | {"outcomes": outcomes}))
    path.with_suffix(".part").replace(path)


def kept(name: str, work: Path) -> Section | None:
    """Of all runs the one with the most epochs, then faces; None where there is none."""
    every = [json.loads(path.read_text()) for path in sorted(work.glob(f"{name}-[0-9]*-epochs-*.json"))]
    if not every:
        return None
    told = max(every, key=lambda one: (one["epochs"], one["faces"]))
    outcomes = {
        kind: Outcome(np.array(one["truth"]), np.array(one["guess"]), one["classes"], [(a, b) for a, b in one["curve"]])
        for kind, one in told["outcomes"].items()
    }
    said = {part: told[part] for part in ("title", "claim", "recipe", "ours", "epochs", "faces")}
    return Section(name=name, outcomes=outcomes, **said)
