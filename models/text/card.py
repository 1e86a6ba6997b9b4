"""The tables of the model card, from what was measured: no number in README.md is typed by hand."""

from __future__ import annotations

import textwrap
from typing import Any

_AIMS = (
    ("MELD dev, weighted F1", "meld", "weighted_f1", 0.58),
    ("MELD dev, macro F1 of seven", "meld", "macro_f1", 0.42),
    ("GoEmotions test in Ekman's grouping, macro F1", "goemotions", "macro_f1", 0.52),
    ("DailyDialog test, macro F1 without neutral", "dailydialog", "macro_f1_feelings", 0.40),
)


def tables(metrics: dict[str, Any]) -> str:
    """Markdown."""
    corpora = metrics["corpora"]
    lines = [*textwrap.wrap(metrics["protocol"], 118), "", "| | aim | reached | |", "|---|---|---|---|"]
    for name, corpus, figure, aim in _AIMS:
        if corpus in corpora:
            value = corpora[corpus]["natural"][figure]
            lines.append(f"| {name} | ≥ {aim:.2f} | {value:.3f} | {_met(value >= aim)} |")
    if "milliseconds" in metrics:
        took = metrics["milliseconds"]
        lines.append(f"| a sentence on x86 | ≤ 1 ms | {took['sentence']} ms | {_met(took['sentence'] <= 1)} |")
    size = sum(metrics["bytes"].values()) / 1e6
    lines.append(f"| the file and its vocabulary | ≤ 2 MB | {size:.2f} MB | {_met(size <= 2)} |")
    lines += [
        "",
        "| part | sentences | weighted F1 | macro F1 | without neutral | evidence: macro recall | calibration error |",
        "|---|---|---|---|---|---|---|",
        *(_row(name, one) for name, one in {**corpora, **metrics["languages"]}.items()),
    ]
    if "robustness" in metrics:
        lines += ["", "| MELD dev | weighted F1 | macro F1 | macro recall of the evidence |", "|---|---|---|---|"]
        lines += [
            f"| {name} | {one['weighted_f1']:.3f} | {one['macro_f1']:.3f} | {one['macro_recall_of_evidence']:.3f} |"
            for name, one in metrics["robustness"].items()
        ]
    claims = corpora.get("meld", {}).get("claims")
    if claims:
        lines += [
            "",
            f"Of MELD's neutral sentences {claims['neutral_claiming']:.0%} claim a feeling; of those with a feeling "
            f"{claims['feelings_silent']:.0%} claim none and {claims['feelings_found']:.0%} the right one.",
        ]
    wrong = [text for text, claiming in metrics["empty"].items() if claiming]
    said = f"; these do: {', '.join(map(repr, wrong))}" if wrong else ""
    lines += ["", f"Of {len(metrics['empty'])} texts that say nothing {len(wrong)} claim a feeling{said}."]
    if "pairs" in metrics:
        lines += [
            "",
            "| a face beside the words (composed) | moments | without | with the words | mended | spoilt |",
            "|---|---|---|---|---|---|",
            *(
                f"| {name} | {one['moments']} | {one['without']:.3f} | {one['with']:.3f} | {one['mended']} "
                f"| {one['spoilt']} |"
                for name, one in metrics["pairs"].items()
            ),
        ]
    return "\n".join(lines)


def _row(name: str, one: dict[str, Any]) -> str:
    natural = one["natural"]
    shown = " | ".join(f"{natural[figure]:.3f}" for figure in ("weighted_f1", "macro_f1", "macro_f1_feelings"))
    error = f"{one['calibration_error']:.3f}" if "calibration_error" in one else ""
    return f"| {name} | {one['sentences']} | {shown} | {one['evidence']['macro_recall']:.3f} | {error} |"


def _met(met: bool) -> str:
    return "met" if met else "missed"
