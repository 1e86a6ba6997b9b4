"""The numbers in the model card, as Markdown, so that nobody types them."""

from __future__ import annotations

from typing import Any


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
        f"| their macro recall | {_percent(public['fer2013_macro_recall'])} | | {public['fer2013_faces']} |",
        *_comparison(measured.get("comparison")),
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
        lines += ["", *_smiles(measured["smiles"])]
    speed = measured["speed"]
    lines += ["", f"{speed['milliseconds_median']:.2f} ms per face (median, one x86 thread, {speed['runtime']})."]
    return "\n".join(lines)


def _comparison(other: dict[str, Any] | None) -> list[str]:
    if other is None:
        return []
    macro = f"| its macro recall | {_percent(other['fer2013_macro_recall'])} | | |"
    return [_row("FER2013's own labels, by the model made for them", other["fer2013_accuracy"]), macro]


def _smiles(smiles: dict[str, Any]) -> list[str]:
    margins = list(smiles["index_boxes"]["area_by_margin"])
    lines = [
        "| smile or none on photographs, area under the curve | found | "
        + " | ".join(f"margin {margin}" for margin in margins)
        + f" | all, margin {smiles['margin']:g} |",
        "|---|---:|" + "---:|" * (len(margins) + 1),
    ]
    names = {
        "index_boxes": "boxes of the index",
        "own_finder": "boxes of our finder",
        "own_finder_held_back": "boxes of our finder, of photographs that it has not learned from",
    }
    for key, name in names.items():
        row = smiles[key]
        areas = " | ".join(f"{row['area_by_margin'][margin]:.3f}" for margin in margins)
        lines.append(f"| {name} | {row['found']} of {row['photographs']} | {areas} | {row['all']:.3f} |")
    return lines


def _row(name: str, entry: dict[str, Any]) -> str:
    interval = f"{_percent(entry['low'])} to {_percent(entry['high'])}"
    return f"| {name} | {_percent(entry['value'])} | {interval} | {entry['faces']} |"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
