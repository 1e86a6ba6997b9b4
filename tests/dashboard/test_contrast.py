"""Colours of the page by the numbers: what is read has the contrast that WCAG 2 AA asks for, by day and by night."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edge.dashboard

CSS = (Path(edge.dashboard.__file__).parent / "static" / "page.css").read_text("utf-8")
TEXT, LARGE = 4.5, 3.0
EMOTIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised", "uncertain")


def colours(dark: bool) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    found: dict[str, str] = {}
    for block in blocks[: 2 if dark else 1]:
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
    return found


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_read_stands_out(dark: bool) -> None:
    known = colours(dark)
    for paper in ("paper", "sheet"):
        for ink in ("ink", "muted", "alarm"):
            assert contrast(known[ink], known[paper]) >= TEXT, (ink, paper)
        for emotion in EMOTIONS:  # the headline, the blocks and the bars
            assert contrast(known[emotion], known[paper]) >= LARGE, (emotion, paper)
        assert contrast(known["focus"], known[paper]) >= LARGE
    assert contrast(known["alarm-ink"], known["alarm"]) >= TEXT
    assert contrast("#000", "#fff") == pytest.approx(21.0)


def test_nothing_is_written_smaller_than_twelve_pixels() -> None:
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:[^;]*?([0-9.]+)rem", CSS)]
    assert min(sizes) * 16 >= 12
    drawn = dict(re.findall(r"\.(field text|hour text, \.trial text) \{ font: 400 ([0-9.]+)px", CSS))
    assert float(drawn["hour text, .trial text"]) >= 12
    assert float(drawn["field text"]) * 328 / 264 >= 11.5  # the drawing is 264 wide, and 328 pixels on a small phone


def test_no_text_is_written_on_a_colour_of_an_emotion() -> None:
    assert "fill: var(--paper); font" not in CSS
