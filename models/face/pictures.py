"""The pictures of the model card, drawn from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from edge.readings import LABELS


def confusion(measured: dict[str, Any], path: Path) -> None:
    """Rows are the truth; colours are fractions of a row, numbers are faces."""
    counts = np.array(measured["public_test"]["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(5, 4.4))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(LABELS)):
        for column in range(len(LABELS)):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(LABELS)), LABELS, rotation=40, ha="right")
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set_xlabel("said")
    axes.set_ylabel("majority of annotators")
    _save(figure, path)


def reliability(measured: dict[str, Any], path: Path) -> None:
    """Confidence against accuracy; the size of a dot is its share of the faces."""
    items, confidence, right = np.array(measured["public_test"]["reliability"]).T
    figure, axes = plt.subplots(figsize=(4, 3.6))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    axes.scatter(confidence[items > 0], right[items > 0], s=10 + 400 * items[items > 0] / items.sum(), alpha=0.7)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.set_title(f"calibration error {100 * measured['public_test']['calibration_error']:.1f} %", fontsize=10)
    _save(figure, path)


def robustness(measured: dict[str, Any], path: Path) -> None:
    """Accuracy and macro recall as faces get worse; the dotted line is the accuracy on faces as they are."""
    plain = measured["public_test"]["ferplus_strict_accuracy"]["value"]
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


def training(history: list[dict[str, float]], path: Path) -> None:
    """Loss of learning, and what the averaged weights reach on the validation part."""
    epochs = range(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6))
    left.plot(epochs, [entry["loss"] for entry in history])
    left.set_ylabel("training loss")
    for name, label in (("accuracy", "FER+"), ("fer2013_accuracy", "FER2013's labels")):
        right.plot(epochs, [entry[name] for entry in history], label=label)
    right.legend(fontsize=8)
    right.set_ylabel("validation accuracy")
    for axes in (left, right):
        axes.set_xlabel("epoch")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
