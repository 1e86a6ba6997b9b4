"""The pictures of the model card, drawn from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from edge.readings import LABELS


def confusions(measured: dict[str, Any], path: Path) -> None:
    """For every set: rows are the truth; colours are fractions of a row, numbers are faces."""
    tables = {name: entry["confusion"] for name, entry in measured["sets"].items()}
    tables["FER+ PublicTest"] = measured["public_test"]["confusion"]
    figure, row = plt.subplots(1, len(tables), figsize=(3.6 * len(tables), 3.9), squeeze=False)
    for axes, (name, table) in zip(row[0], tables.items(), strict=True):
        _confusion(axes, np.array(table))
        axes.set_title(name, fontsize=10)
    row[0][0].set_yticks(range(len(LABELS)), LABELS)
    row[0][0].set_ylabel("label")
    _save(figure, path)


def _confusion(axes: Any, counts: Any) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(LABELS)):
        for column in range(len(LABELS)):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(len(LABELS)), LABELS, rotation=50, ha="right", fontsize=8)
    axes.set_yticks([])


def reliability(measured: dict[str, Any], path: Path) -> None:
    """Confidence against accuracy; the size of a dot is its share of the faces."""
    items, confidence, right = np.array(measured["reliability"]).T
    figure, axes = plt.subplots(figsize=(4, 3.6))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    axes.scatter(confidence[items > 0], right[items > 0], s=10 + 400 * items[items > 0] / items.sum(), alpha=0.7)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.set_title(f"calibration error {100 * measured['calibration_error']:.1f} %", fontsize=10)
    _save(figure, path)


def robustness(measured: dict[str, Any], path: Path) -> None:
    """Accuracy (natural prior) and macro recall as faces get worse; dotted is the accuracy on faces as they are."""
    plain = measured["public_test"]["ferplus_strict_accuracy_one_look"]["value"]
    figure, row = plt.subplots(1, len(measured["robustness"]), figsize=(10, 2.6), sharey=True)
    for axes, (name, table) in zip(row, measured["robustness"].items(), strict=True):
        amounts = [entry["amount"] for entry in table]
        axes.plot(amounts, [entry["accuracy"] for entry in table], marker="o", label="accuracy")
        axes.plot(amounts, [entry["macro_recall"] for entry in table], marker="s", label="macro recall")
        axes.axhline(plain, color="grey", linestyle=":", linewidth=1)
        if name.startswith(("light", "face")):
            axes.invert_xaxis()  # worse to the right
        axes.set_xlabel(name)
        axes.set_ylim(0, 1)
    row[0].legend(fontsize=8, loc="lower left")
    _save(figure, path)


def training(history: list[dict[str, float]], names: tuple[str, ...], path: Path) -> None:
    """Loss of learning, and the macro recall that the averaged weights reach on what we choose by."""
    epochs = range(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    left.plot(epochs, [entry["loss"] for entry in history])
    left.set_ylabel("training loss")
    for name in names:
        right.plot(epochs, [entry[name] for entry in history], label=name)
    right.legend(fontsize=7)
    right.set_ylabel("macro recall")
    for axes in (left, right):
        axes.set_xlabel("epoch")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
