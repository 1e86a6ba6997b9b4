"""The report: a table and pictures for each system, and each claim beside what becomes of it. Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from edge.readings import LABELS
from models.papers.fit import Outcome
from models.papers.section import EPOCHS, OWN_PARTS, PEOPLE, RANDOM, Section

mpl.use("Agg")
import matplotlib.pyplot as plt

_CLASSES = (*LABELS, "calm")


def written(sections: Sequence[Section], product: Mapping[str, float], folder: Path) -> str:
    """Draw the pictures into `folder` and return the text. `product`: our own accuracy beside each section, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = _short(sections)
    for section in sections:
        _pictures(section, folder / f"{section.name}.png")
        parts += [
            f"## {section.title}", "", f"The paper: {section.claim}", "", section.recipe, "",
            "| | held-out items | accuracy | precision | recall | F1 |", "|---|---:|---:|---:|---:|---:|",
            *(_row(name, one) for name, one in section.outcomes.items()), "",
            f"![{section.title}](papers/{section.name}.png)", "",
        ]  # fmt: skip
    return "\n".join([*parts, *_closing(sections, product), ""])


def _short(sections: Sequence[Section]) -> list[str]:
    """Which of them had less than the papers' epochs."""
    short = [section for section in sections if section.epochs < EPOCHS]
    if not short:
        return []
    named = "; ".join(section.title for section in short)
    return [
        f"**{len(short)} of the {len(sections)} systems below had fewer epochs than the papers' {EPOCHS}**, on a core "
        "that had other things to do. Their accuracy would still rise: they say how far a split by people lies below "
        "one at random and not how high these systems would get; two with different numbers of epochs or faces are not "
        f"to be compared. They are: {named}.",
        "",
    ]


def _row(name: str, one: Outcome) -> str:
    shown = " | ".join(f"{value:.3f}" for value in one.figures().values())
    return f"| {name} | {len(one.truth)} | {shown} |"


def _closing(sections: Sequence[Section], product: Mapping[str, float]) -> list[str]:
    """Each claim, the same system at random and on people held out, and the product on the same people."""
    lines = [
        "## Claims, and what is left of them", "",
        "Accuracy. The last column is the product on the very people (or faces) of the column before it.", "",
        "| system | the paper | here, at random | here, held out | our product, the same held out |",
        "|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for section in sections:
        ours = f"{product[section.name]:.3f}" if section.name in product else "-"
        for kind, split in by_kind(section).items():
            at_random, held = (f"{split[name]:.3f}" if name in split else "-" for name in ("random", "held"))
            title = f"{section.title}, {kind}" if kind else section.title
            composed = "composed" in kind or not section.ours
            lines.append(f"| {title} | {section.claim} | {at_random} | {held} | {'-' if composed else ours} |")
    return lines


def by_kind(section: Section) -> dict[str, dict[str, float]]:
    """The accuracies of what is the same but for the split: "random" and "held"."""
    columns = {RANDOM: "random", PEOPLE: "held", OWN_PARTS: "held"}
    found: dict[str, dict[str, float]] = {}
    for name, one in section.outcomes.items():
        kind, _, split = name.rpartition(", ") if name != RANDOM else ("", "", RANDOM)
        if name.endswith(RANDOM):  # holds a comma itself
            kind, split = name.removesuffix(RANDOM).rstrip(", "), RANDOM
        if split in columns:
            found.setdefault(kind, {})[columns[split]] = one.figures()["accuracy"]
    return found


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
