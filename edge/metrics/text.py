"""Prometheus' text format, version 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Mapping[str, str]


class Page:
    """Families of samples, in the order in which they are added."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(
        self,
        name: str,
        kind: Literal["gauge", "counter"],
        words: str,
        *samples: tuple[Labels, float | None],
    ) -> None:
        """One family; samples of None are left out, and so is a family without any."""
        known = [(labels, value) for labels, value in samples if value is not None]
        if not known:
            return
        full = f"emotion_edge_{name}"
        self._lines += [f"# HELP {full} {words}", f"# TYPE {full} {kind}"]
        self._lines += [f"{full}{_labels(labels)} {_number(value)}" for labels, value in known]

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def _labels(labels: Labels) -> str:
    inside = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value)) if value != int(value) else str(int(value))
