"""The numbers in the model card, as Markdown, so that nobody types them."""

from __future__ import annotations

from typing import Any

from edge.readings import LABELS
from models.face.measure import LOWER

# What was aimed at: the lowest value, or with "at most" the highest.
_AIMS = {
    "affectnet_oval": 0.62,
    "expw": 0.45,
    "lfw_imfdb_mux": 0.62,
    "habesha": 0.62,
}
_NATURAL_AIM, _UNIFORM_AIM, _SMILES_AIM, _REST_AIM, _CALIBRATION_AIM = 0.91, 0.86, 0.993, 0.08, 0.04
_TRAITS = {"age_bin": "age", "sex": "sex", "race": "group"}


def table(measured: dict[str, Any]) -> str:
    """What was measured, for a person."""
    parts = [
        [measured["protocol"]],
        _aims(measured),
        _recalls(measured),
        _resting_face(measured["resting_face"]) if "resting_face" in measured else [],
        _robustness(measured["robustness"]),
        _no_faces(measured["no_faces"]) if "no_faces" in measured else [],
        _hidden(measured["hidden"]) if "hidden" in measured else [],
        _smiles(measured["smiles"]) if "smiles" in measured else [],
        _by_group(measured["by_group"]) if "by_group" in measured else [],
        [_speed(measured["speed"])],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _aims(measured: dict[str, Any]) -> list[str]:
    public = measured["public_test"]
    lines = [
        "| | aim | reached | 95 % interval | one look | eyes made level | faces |",
        "|---|---:|---:|---|---:|---:|---:|",
    ]
    for name, entry in measured["sets"].items():
        macro, once = entry["macro_recall"], entry["macro_recall_one_look"]
        level = f"{entry['macro_recall_straightened']['value']:.3f}"
        lines.append(
            _row(f"{name}, macro recall of {len(entry['classes'])}", f"≥ {_AIMS[name]:.2f}", macro, once, level)
        )
    lines += [
        _row(
            "FER+ strict majority, natural prior",
            f"≥ {_NATURAL_AIM:.2f}",
            public["ferplus_strict_accuracy"],
            public["ferplus_strict_accuracy_one_look"],
        ),
        _row(
            f"FER+ macro recall of {len(public['macro_recall']['classes'])}, uniform prior",
            f"≥ {_UNIFORM_AIM:.2f}",
            public["macro_recall"],
            public["macro_recall_one_look"],
        ),
    ]
    if "smiles" in measured:
        held = measured["smiles"]["own_finder_held_back"]
        area = held["area_by_margin"][f"{measured['smiles']['margin']:g}"]
        lines.append(f"| smiles of GENKI-4K, area, our finder | ≥ {_SMILES_AIM} | {area:.3f} | | | | {held['found']} |")
    if "resting_face" in measured:
        rest = measured["resting_face"]
        gain = rest["gain"]
        lines.append(
            f"| gain of the resting face, points | ≥ {100 * _REST_AIM:.0f} | {100 * gain['value']:.1f} | "
            f"{100 * gain['low']:.1f} to {100 * gain['high']:.1f} | | | {rest['pictures']} |"
        )
    error = measured["calibration_error"]
    return [*lines, f"| calibration error, all sets | ≤ {_CALIBRATION_AIM:.2f} | {error:.3f} | | | | |"]


def _recalls(measured: dict[str, Any]) -> list[str]:
    lines = [
        f"| recall, {measured['prior']} prior | found | " + " | ".join(LABELS) + " | calibration error |",
        "|---|---:|" + "---:|" * (len(LABELS) + 1),
    ]
    public = measured["public_test"]
    named = {name: (entry["recall"], entry) for name, entry in measured["sets"].items()}
    named["FER+ (uniform prior)"] = ({label: entry["value"] for label, entry in public["recall"].items()}, public)
    for name, (recall, entry) in named.items():
        found = f"{entry['found']:.0%}" if "found" in entry else ""
        each = " | ".join(f"{recall[label]:.2f}" if label in recall else "" for label in LABELS)
        lines.append(f"| {name} | {found} | {each} | {entry['calibration_error']:.3f} |")
    return lines


def _resting_face(rest: dict[str, Any]) -> list[str]:
    unknown = rest["unknown"]
    lines = [
        f"| {rest['people']} people of lfw_imfdb_mux with three labels or more, macro recall of {len(rest['classes'])} "
        "| | 95 % interval |",
        "|---|---:|---|",
        f"| resting face not known | {unknown['value']:.3f} | {unknown['low']:.3f} to {unknown['high']:.3f} |",
    ]
    for share, entry in rest["known"].items():
        interval = f"{entry['low']:.3f} to {entry['high']:.3f}"
        lines.append(f"| {share} of what is special about it taken off | {entry['value']:.3f} | {interval} |")
    for name, value in rest.get("streams", {}).items():
        known = (
            "of a stranger" if name == "stranger" else f"after a minute of other pictures, {float(name):.0%} neutral"
        )
        lines.append(f"| as the service reads it, {known} | {value:.3f} | |")
    return lines


def _robustness(table: dict[str, list[dict[str, float]]]) -> list[str]:
    lines = [
        "| FER+ when faces get worse, one look | accuracy, natural prior | macro recall, uniform |",
        "|---|---|---|",
    ]
    for name, rows in table.items():
        right, macro = (
            ", ".join(f"{row['amount']:g}: {row[key]:.3f}" for row in rows) for key in ("accuracy", "macro_recall")
        )
        lines.append(f"| {name} | {right} | {macro} |")
    return lines


def _no_faces(shares: dict[str, float]) -> list[str]:
    lines = ["| no face to judge | claims with more than half of the confidence |", "|---|---:|"]
    return lines + [f"| {name} | {share:.1%} |" for name, share in shares.items()]


def _hidden(ways: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| a feeling claimed with more than half of the confidence | found | quality of those | by the model "
        "| weighed by quality |",
        "|---|---:|---:|---:|---:|",
    ]
    return lines + [
        f"| {name} | {row['found']:.0%} | {row['quality']:.2f} | {row['claimed']:.0%} | {row['claimed_weighed']:.0%} |"
        for name, row in ways.items()
    ]


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


def _by_group(groups: dict[str, Any]) -> list[str]:
    lines = [
        "| utkface_bias: faces without labels, shares of what is claimed | faces | found "
        f"| with `face.min_score` at {LOWER:g} | " + " | ".join(LABELS) + " |",
        "|---|---:|---:|---:|" + "---:|" * len(LABELS),
    ]
    for trait, values in groups.items():
        for value, entry in values.items():
            shares = " | ".join(f"{entry['claimed'][label]:.0%}" for label in LABELS)
            lower = f"{entry['found_lower']:.1%}"
            lines.append(
                f"| {_TRAITS[trait]}: {value} | {entry['faces']} | {entry['found']:.1%} | {lower} | {shares} |"
            )
    return lines


def _speed(speed: dict[str, Any]) -> str:
    return f"{speed['milliseconds_median']:.2f} ms for one look (median, one x86 thread, {speed['runtime']})."


def _row(name: str, aim: str, entry: dict[str, Any], once: dict[str, Any], level: str = "") -> str:
    interval = f"{entry['low']:.3f} to {entry['high']:.3f}"
    return f"| {name} | {aim} | {entry['value']:.3f} | {interval} | {once['value']:.3f} | {level} | {entry['faces']} |"
