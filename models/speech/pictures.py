"""The pictures of the model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS

mpl.use("Agg")
import matplotlib.pyplot as plt


def confusion(counts: NDArray[np.int64], path: Path) -> None:
    """Shares of each true class."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(5.5, 5))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*shares.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, f"{shares[row, column]:.2f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(LABELS)), LABELS, rotation=45, ha="right")
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set(xlabel="heard as", ylabel="acted", title="RAVDESS, speakers held out")
    _save(figure, path)


def reliability(bins: NDArray[np.float64], path: Path) -> None:
    """Confidence against accuracy; the area of a dot is the number of clips."""
    figure, axes = plt.subplots(figsize=(4.5, 4.5))
    filled = bins[bins[:, 0] > 0]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.scatter(filled[:, 1], filled[:, 2], s=filled[:, 0])
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), title="Reliability, speakers held out")
    _save(figure, path)


def robustness(measured: dict[str, Any], path: Path) -> None:
    """Accuracy under each condition."""
    names = list(measured)
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.barh(names, [measured[name]["accuracy"] for name in names])
    axes.invert_yaxis()
    axes.axvline(1 / len(LABELS), color="grey", linewidth=1)
    axes.set(xlabel="accuracy", xlim=(0, 1), title="RAVDESS, speakers held out")
    _save(figure, path)


def training(runs: Path, path: Path) -> None:
    """The loss of every run."""
    figure, axes = plt.subplots(figsize=(5.5, 4))
    for log in sorted(runs.glob("*/loss.csv")):
        values = np.atleast_2d(np.loadtxt(log, delimiter=","))
        kind = log.parent.name.partition("-")[2]
        colour = f"C{kind[-1]}" if kind.startswith("fold") else "black"
        axes.plot(values[:, 0], values[:, 1], color=colour, linewidth=1, label=kind)
    handles, names = axes.get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    axes.set(xlabel="epoch", ylabel="training loss (soft targets, degraded copies)", title="A line for each seed")
    axes.legend(once.values(), once.keys(), fontsize=7)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
