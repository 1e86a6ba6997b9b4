"""The bench runs the service as its unit does."""

from __future__ import annotations

from pathlib import Path

from edge.bench.whole import ALLOCATOR

UNIT = Path(__file__).parents[2] / "systemd" / "emotion-edge.service"


def test_the_allocator_is_set_as_in_the_unit() -> None:
    line = next(line for line in UNIT.read_text().splitlines() if line.startswith("Environment=MALLOC"))
    assert dict(word.split("=") for word in line.removeprefix("Environment=").split()) == ALLOCATOR
