"""The numbers in the model card, as Markdown, so that nobody types them."""

from __future__ import annotations

from typing import Any


def table(measured: dict[str, Any]) -> str:
    """What was measured, for a person."""
    finders = measured["finders"]
    kinds = list(finders["ours"]["recall"])
    empty, hard = (finders["ours"][f"{kind}alarms_per_thousand"]["pictures"] for kind in ("", "hard_"))
    head = "| | " + " | ".join(f"{name} (from {entry['operating_point']:g})" for name, entry in finders.items()) + " |"
    lines = [measured["protocol"], "", head, "|---|" + "---:|" * len(finders)]
    for kind in kinds:
        of = finders["ours"]["recall"][kind]
        cells = " | ".join(_share(entry["recall"][kind]) for entry in finders.values())
        lines.append(f"| recall, {kind}: {of['faces']} faces in {of['pictures']} pictures | {cells} |")
    lines += [
        "| recall, all composed | " + " | ".join(_share(entry["recall_composed"]) for entry in finders.values()) + " |",
        "| recall, everything | " + " | ".join(_share(entry["recall_all"]) for entry in finders.values()) + " |",
        f"| false alarms per thousand of {empty} pictures without a face | "
        + " | ".join(_alarms(entry["alarms_per_thousand"]) for entry in finders.values())
        + " |",
        f"| the same, of {hard} made to deceive | "
        + " | ".join(_alarms(entry["hard_alarms_per_thousand"]) for entry in finders.values())
        + " |",
        "| landmarks, median error in distances between the eyes | "
        + " | ".join(_landmarks(entry["landmark_error"]) for entry in finders.values())
        + " |",
        "| picture of 320 x 240, everywhere, ms (median; best) | "
        + " | ".join(f"{each['speed']['median_ms']:.1f}; {each['speed']['best_ms']:.1f}" for each in finders.values())
        + " |",
        "",
        f"One look of ours takes {measured['one_look']['median_ms']:.2f} ms (median; best "
        f"{measured['one_look']['best_ms']:.2f}; one x86 thread, {measured['runtime']}).",
    ]
    return "\n".join(lines)


def _share(entry: dict[str, Any]) -> str:
    return f"{100 * entry['value']:.1f} % ({100 * entry['low']:.1f} to {100 * entry['high']:.1f})"


def _alarms(entry: dict[str, Any]) -> str:
    return f"{entry['value']:.1f} ({entry['low']:.1f} to {entry['high']:.1f})"


def _landmarks(entry: dict[str, Any] | None) -> str:
    return "none" if entry is None else f"{entry['median']:.3f}"
