"""The numbers in the model card, as Markdown, so that nobody types them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"


def update(path: Path, measured: dict[str, Any]) -> None:
    """Put the table between the marks of the card; a folder without a card is left alone."""
    if not path.is_file():
        return
    before, rest = path.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    path.write_text(f"{before}{_BEGIN}\n{table(measured)}\n{_END}{after}")


def table(measured: dict[str, Any]) -> str:
    """What was measured, for a person."""
    public = measured["public_test"]
    lines = [
        f"{measured['protocol']}",
        "",
        "| on PublicTest | | 95 % interval | faces |",
        "|---|---:|---|---:|",
        _row("FER+ strict majority", public["ferplus_strict_accuracy"]),
        _row("macro recall", public["macro_recall"]),
        *(_row(f"recall of {label}", entry) for label, entry in public["recall"].items()),
        f"| FER2013's own labels | {_percent(public['fer2013_accuracy'])} | | {public['fer2013_faces']} |",
        f"| calibration error | {_percent(public['calibration_error'])} | | |",
        "",
        "| accuracy when faces get worse | |",
        "|---|---|",
    ]
    for name, rows in measured["robustness"].items():
        lines.append(
            f"| {name} | " + ", ".join(f"{row['amount']:g}: {_percent(row['accuracy'])}" for row in rows) + " |"
        )
    if "smiles" in measured:
        areas = measured["smiles"]["area_by_margin"]
        lines.append(
            f"| smile or none, {measured['smiles']['photographs']} photographs, area under the curve by margin | "
            + ", ".join(f"{margin}: {area:.3f}" for margin, area in areas.items())
            + " |"
        )
    speed = measured["speed"]
    lines += ["", f"{speed['milliseconds_median']:.2f} ms per face (median, one x86 thread, {speed['runtime']})."]
    return "\n".join(lines)


def _row(name: str, entry: dict[str, Any]) -> str:
    interval = f"{_percent(entry['low'])} to {_percent(entry['high'])}"
    return f"| {name} | {_percent(entry['value'])} | {interval} | {entry['faces']} |"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
