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
    plain = metrics["robustness"].get("as recorded", {})
    parts = [
        f"| RAVDESS, folds measured: {len(metrics['folds'])} | accuracy | over seeds | over folds "
        "| without the development fold |\n"
        "|---|---|---|---|---|",
        *(_ravdess(kind.replace("_", " classes, "), one) for kind, one in metrics["ravdess"].items()),
        "\n| seven classes, speakers held out | clips | speakers | accuracy (95 %) | macro recall "
        "| calibration error | no voice |\n|---|---|---|---|---|---|---|",
        *(_corpus(name, one) for name, one in metrics["held_out"].items()),
        *_cross_corpus(metrics["cross_corpus"]),
        "\n| RAVDESS | eight, int8 | eight, float | seven, int8 | seven, float | both agree |\n"
        "|---|---|---|---|---|---|",
        *(_fold(name, one) for name, one in metrics["folds"].items()),
        "\n| RAVDESS, held-out speakers, every few clips | accuracy | against as recorded | called angry "
        "| no voice |\n|---|---|---|---|---|",
        *(_condition(name, one, plain) for name, one in metrics["robustness"].items()),
        "\n| sound without speech | clips | with any reading | claiming anger | mean quality |\n|---|---|---|---|---|",
        *(_quiet(name, one) for name, one in metrics["without_speech"].items()),
        "\n| people who just talk | minutes of readings | claiming a feeling | claiming anger | mean of neutral "
        "| mean of the surest |\n|---|---|---|---|---|---|",
        *(_talk(name, one) for name, one in metrics["in_talk"].items()),
        "\n| voice activity | |\n|---|---|",
        *(f"| {name} | {_words(one)} |" for name, one in metrics["voice_activity"].items()),
        f"\nOne second of voice costs ({metrics['runtime']}, one x86-64 core): {_words(metrics['cost_per_second'])}.",
        f"The file has {metrics['bytes']} bytes; the temperature is {metrics['temperature']}, the brevity "
        f"{metrics['brevity']} steps.",
    ]
    return "\n".join(parts)


def _corpus(name: str, one: dict[str, Any]) -> str:
    low, high = one["accuracy_95"]
    return (
        f"| {name} | {one['clips']} | {one['speakers']} | {one['accuracy']:.3f} ({low:.3f} to {high:.3f}) "
        f"| {one['macro_recall']:.3f} | {one['calibration_error']:.3f} | {one['no_voice']} |"
    )


def _cross_corpus(measured: dict[str, Any]) -> list[str]:
    head = (
        "\n| never trained on this corpus | clips | speakers | accuracy (95 %) | macro recall "
        "| calibration error | no voice |\n|---|---|---|---|---|---|---|"
    )
    return [head, *(_corpus(name, one) for name, one in measured.items())] if measured else []


def _ravdess(name: str, one: dict[str, Any]) -> str:
    name = name if "float" in name else f"{name} classes, int8"
    seeds = one["deviation_over_seeds"]
    spread = "one seed" if seeds is None else f"±{seeds:.3f}"
    return (
        f"| {name} | {one['mean']:.3f} | {spread} | ±{one['deviation_over_folds']:.3f} "
        f"| {one['mean_without_development_folds']:.3f} |"
    )


def _fold(name: str, one: dict[str, float]) -> str:
    shown = (one[kind] for kind in ("eight", "eight_float", "seven", "seven_float", "agreement"))
    return f"| {name} | {' | '.join(f'{value:.3f}' for value in shown)} |"


def _condition(name: str, one: dict[str, Any], plain: dict[str, Any]) -> str:
    lost = 100 * (one["accuracy"] - plain.get("accuracy", one["accuracy"]))
    return (
        f"| {name} | {one['accuracy']:.3f} | {lost:+.1f} points | {one['called_angry']:.3f} "
        f"| {one['no_voice']} of {one['clips']} |"
    )


def _talk(name: str, one: dict[str, Any]) -> str:
    return (
        f"| {name} | {one['minutes']} | {100 * one['claiming_a_feeling']:.1f} % | {100 * one['claiming_anger']:.1f} % "
        f"| {one['mean_neutral']} | {one['mean_surest']} |"
    )


def _quiet(name: str, one: dict[str, Any]) -> str:
    return f"| {name} | {one['clips']} | {one['with_reading']} | {one['claiming_anger']} | {one['mean_quality']} |"


def _words(one: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in one.items())
