"""The pictures of the card: curves of numbers, no photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot


def training(history: Sequence[dict[str, float]], path: Path) -> None:
    """How loss and recall went, epoch by epoch."""
    epochs = range(1, len(history) + 1)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    for name in ("score_loss", "shape_loss", "landmark_loss"):
        left.plot(epochs, [record[name] for record in history], label=name.replace("_", " "))
    left.set_yscale("log")
    right.plot(epochs, [record["recall_at_10"] for record in history], label="recall at 10 alarms per thousand")
    right.plot(epochs, [record["recall"] for record in history], label="recall at a score of one half")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    _save(figure, path)


def recall(measured: dict[str, Any], path: Path) -> None:
    """Of photographs made worse: how many faces are still found, by each finder."""
    figure, row = pyplot.subplots(1, len(measured["robustness"]), figsize=(10, 2.9), sharey=True)
    for axes, (name, table) in zip(row, measured["robustness"].items(), strict=True):
        for finder in measured["finders"]:
            axes.plot([entry["amount"] for entry in table], [entry[finder] for entry in table], "o-", label=finder)
        if name.startswith(("light", "face")):
            axes.invert_xaxis()  # worse to the right
        axes.set_xlabel(name)
        axes.set_ylim(0, 1.02)
        axes.grid(alpha=0.3)
    row[0].set_ylabel("recall")
    row[0].legend(fontsize=8, loc="lower left")
    _save(figure, path)


def trade(measured: dict[str, Any], path: Path) -> None:
    """Recall against false alarms as the score moves; dots are the operating points."""
    figure, axes = pyplot.subplots(figsize=(5, 3.6))
    for name, entry in measured["finders"].items():
        (line,) = axes.plot(*[[point[k] for point in entry["curve"]] for k in (2, 1)], label=name)
        point = (entry["alarms_per_thousand"]["value"], entry["recall_all"]["value"])
        axes.plot(*point, "o", color=line.get_color())
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlabel("false alarms per thousand pictures without a face")
    axes.set_ylabel("recall, all judged pictures")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    pyplot.close(figure)
