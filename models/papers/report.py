"""The report: a table and pictures for each system, and each claim beside what becomes of it. Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from edge.readings import LABELS
from models.papers.fit import Outcome

mpl.use("Agg")
import matplotlib.pyplot as plt

_CLASSES = (*LABELS, "calm")


@dataclass(frozen=True)
class Section:
    """One system."""

    name: str  # of its pictures
    title: str
    claim: str  # of the paper
    recipe: str  # what was done here, and what was done otherwise
    outcomes: Mapping[str, Outcome]


def written(sections: Sequence[Section], ours: str, folder: Path) -> str:
    """Draw the pictures into `folder` and return the text."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for section in sections:
        _pictures(section, folder / f"{section.name}.png")
        parts += [
            f"## {section.title}", "", f"The paper: {section.claim}", "", section.recipe, "",
            "| | held-out items | accuracy | precision | recall | F1 |", "|---|---:|---:|---:|---:|---:|",
            *(_row(name, one) for name, one in section.outcomes.items()), "",
            f"![{section.title}](papers/{section.name}.png)", "",
        ]  # fmt: skip
    return "\n".join([*parts, *_closing(sections), "", ours, ""])


def _row(name: str, one: Outcome) -> str:
    shown = " | ".join(f"{value:.3f}" for value in one.figures().values())
    return f"| {name} | {len(one.truth)} | {shown} |"


def _closing(sections: Sequence[Section]) -> list[str]:
    lines = [
        "## Claims, and what is left of them", "",
        "| system | the paper | here, at random | here, people held out |", "|---|---|---:|---:|",
    ]  # fmt: skip
    for section in sections:
        figures = {name: one.figures()["accuracy"] for name, one in section.outcomes.items()}
        for name, value in figures.items():
            if name.endswith("at random"):
                kind = name.removesuffix("by recordings, at random").rstrip(", ")
                held = figures.get(f"{kind}, people held out" if kind else "people held out")
                title = f"{section.title}, {kind}" if kind else section.title
                lines.append(f"| {title} | {section.claim} | {value:.3f} | {'' if held is None else f'{held:.3f}'} |")
    return lines


def ours(models: Path) -> str:
    """What the product's own models reach on people held out, from their own evaluations."""
    speech = json.loads((models / "speech" / "metrics.json").read_text())
    face = json.loads((models / "face" / "metrics.json").read_text())
    lines = [
        "| our product, people held out | accuracy |", "|---|---:|",
        f"| RAVDESS, eight classes, four folds | {speech['ravdess']['eight']['mean']:.3f} |",
    ]  # fmt: skip
    lines += [
        f"| {name}, seven classes, macro recall {one['macro_recall']:.3f} | {one['accuracy']:.3f} |"
        for name, one in speech["held_out"].items()
        if name in ("ravdess", "tess")
    ]
    public: dict[str, Any] = face["public_test"]
    counts = np.array(public["confusion"])
    lines.append(f"| FER+ PublicTest, strict majority, evidence alone | {np.trace(counts) / counts.sum():.3f} |")
    return "\n".join(lines)


def _pictures(section: Section, path: Path) -> None:
    """Confusion of every split, and the learning curves: solid in training, dashed held out."""
    figure, row = plt.subplots(1, len(section.outcomes) + 1, figsize=(3.3 * (len(section.outcomes) + 1), 3.6))
    for number, (axes, (name, one)) in enumerate(zip(row, section.outcomes.items(), strict=False)):
        counts = one.counts
        axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(one.classes), _CLASSES[: one.classes], rotation=60, ha="right", fontsize=7)
        axes.set_yticks(range(one.classes), _CLASSES[: one.classes] if number == 0 else [], fontsize=7)
        axes.set_title(name, fontsize=8)
        if one.curve:
            learned, held = np.array(one.curve).T
            row[-1].plot(range(1, len(learned) + 1), learned, color=f"C{number}", label=name)
            row[-1].plot(range(1, len(held) + 1), held, color=f"C{number}", linestyle="--")
    row[-1].set(xlabel="epoch", ylabel="accuracy (dashed: held out)", ylim=(0, 1))
    if row[-1].get_legend_handles_labels()[0]:
        row[-1].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=75)
    plt.close(figure)
