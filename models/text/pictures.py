"""The pictures of the model card, drawn from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from edge.readings import LABELS

mpl.use("Agg")
import matplotlib.pyplot as plt

_SHOWN = {"meld": "MELD dev", "goemotions": "GoEmotions test", "dailydialog": "DailyDialog test"}


def draw(metrics: dict[str, Any], folder: Path, work: Path) -> None:
    """confusion.png, reliability.png and, where training left its figures, training.png."""
    shown = {name: metrics["corpora"][name] for name in _SHOWN if "confusion" in metrics["corpora"].get(name, {})}
    _confusions(shown, folder / "confusion.png")
    _reliability(shown, folder / "reliability.png")
    logs = sorted(work.glob("seed*/loss.csv"))
    if logs:
        _training(logs, folder / "training.png")


def _confusions(shown: dict[str, Any], path: Path) -> None:
    """Rows are the truth; colours and numbers are shares of a row."""
    figure, row = plt.subplots(1, len(shown), figsize=(4.2 * len(shown), 4.4), squeeze=False)
    for axes, (name, one) in zip(row[0], shown.items(), strict=True):
        counts = np.array(one["confusion"])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for line, column in np.ndindex(*shares.shape):
            colour = "white" if shares[line, column] > 0.5 else "black"
            axes.text(column, line, f"{shares[line, column]:.2f}", ha="center", va="center", color=colour, fontsize=7)
        axes.set_xticks(range(len(LABELS)), LABELS, rotation=50, ha="right", fontsize=8)
        axes.set_yticks(range(len(LABELS)), LABELS, fontsize=8)
        axes.set_title(f"{_SHOWN[name]}, natural prior", fontsize=10)
    _save(figure, path)


def _reliability(shown: dict[str, Any], path: Path) -> None:
    """Confidence of the evidence against accuracy, every label equally common."""
    figure, axes = plt.subplots(figsize=(4.5, 4.2))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, one in shown.items():
        items, confidence, right = np.array(one["reliability"]).T
        axes.plot(confidence[items > 0], right[items > 0], marker="o", label=_SHOWN[name])
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), title="Reliability of the evidence")
    axes.legend(fontsize=8)
    _save(figure, path)


def _training(logs: list[Path], path: Path) -> None:
    """Weighted F1 on the parts for choosing, a line for each seed."""
    figure, axes = plt.subplots(figsize=(5, 3.6))
    for log in logs:
        values = np.atleast_2d(np.loadtxt(log, delimiter=",", ndmin=2))
        for column, name in enumerate(_SHOWN, 2):
            axes.plot(values[:, 0], values[:, column], color=f"C{column}", label=name)
    handles, names = axes.get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    axes.set(xlabel="epoch", ylabel="weighted F1, part for choosing")
    axes.legend(once.values(), once.keys(), fontsize=8)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)
