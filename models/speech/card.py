"""The tables of the model card, from metrics.json: no number in README.md is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def fill(folder: Path) -> None:
    """Put the tables between the marks of README.md."""
    path = folder / "README.md"
    text = path.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = tables_of(json.loads((folder / "metrics.json").read_text()))
    path.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}")


def tables_of(metrics: dict[str, Any]) -> str:
    """Markdown."""
    parts = [
        "| corpus | clips | held-out speakers | accuracy (95 %) | macro recall | calibration error | no voice |\n"
        "|---|---|---|---|---|---|---|",
        *(_corpus(name, one) for name, one in metrics["held_out"].items()),
        "\n| fold | int8 | float | both agree |\n|---|---|---|---|",
        *(_fold(name, one["float"]) for name, one in metrics["folds"].items() if one["float"]),
        "\n| RAVDESS, held-out speakers, every fourth clip | accuracy | macro recall | no voice |\n|---|---|---|---|",
        *(_condition(name, one) for name, one in metrics["robustness"].items()),
        "\n| sound without speech | clips | with any reading | claiming anger | mean quality |\n|---|---|---|---|---|",
        *(_quiet(name, one) for name, one in metrics["without_speech"].items()),
        "\n| voice activity | |\n|---|---|",
        *(f"| {name} | {_words(one)} |" for name, one in metrics["voice_activity"].items()),
        f"\nOne second of voice costs ({metrics['runtime']}, one x86-64 core): {_words(metrics['cost_per_second'])}.",
        f"The file has {metrics['bytes']} bytes.",
    ]
    return "\n".join(parts)


def _corpus(name: str, one: dict[str, Any]) -> str:
    low, high = one["accuracy_95"]
    return (
        f"| {name} | {one['clips']} | {one['speakers']} | {one['accuracy']:.3f} ({low:.3f} to {high:.3f}) "
        f"| {one['macro_recall']:.3f} | {one['calibration_error']:.3f} | {one['no_voice']} |"
    )


def _fold(name: str, one: dict[str, float]) -> str:
    return f"| {name} | {one['int8_accuracy']:.3f} | {one['accuracy']:.3f} | {one['agreement']:.3f} |"


def _condition(name: str, one: dict[str, Any]) -> str:
    return f"| {name} | {one['accuracy']:.3f} | {one['macro_recall']:.3f} | {one['no_voice']} of {one['clips']} |"


def _quiet(name: str, one: dict[str, Any]) -> str:
    return f"| {name} | {one['clips']} | {one['with_reading']} | {one['claiming_anger']} | {one['mean_quality']} |"


def _words(one: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in one.items())
