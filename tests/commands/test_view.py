from __future__ import annotations

import json
import re

from edge.commands.view import View, change_line, screen

PREFIX = "emotion/shelf"
READING = {
    "probabilities": {"neutral": 0.1, "happy": 0.9},
    "face": {"probabilities": {"happy": 0.9, "neutral": 0.1}, "weight": 0.75},
    "speech": None,
}


def view_of(**messages: object) -> View:
    view = View(PREFIX)
    for topic, content in messages.items():
        payload = content if isinstance(content, str) else json.dumps(content)
        view = view.with_message(f"{PREFIX}/{topic.replace('__', '/')}", payload.encode())
    return view


def state(label: str, people: int = 1) -> dict[str, object]:
    return {"label": label, "confidence": 0.8, "people": people}


def test_one_line_per_change_and_none_for_a_repetition() -> None:
    before = view_of(reading=READING, state=state("happy"))
    again = before.with_message(f"{PREFIX}/state", json.dumps(state("happy")).encode())
    assert change_line(before, again) is None
    sad = before.with_message(f"{PREFIX}/state", json.dumps(state("sad")).encode())
    line = change_line(before, sad)
    assert line is not None
    assert "sad 80 %" in line
    assert "face happy 90 % (weight 0.75)" in line


def test_a_source_that_fails_is_told_with_its_reason() -> None:
    before = view_of(status__camera={"state": "online", "reason": ""})
    after = before.with_message(f"{PREFIX}/status/camera", b'{"state": "offline", "reason": "unplugged"}')
    line = change_line(before, after)
    assert line is not None
    assert line.endswith("camera offline: unplugged")


def test_the_screen_fits_its_width() -> None:
    view = view_of(
        reading=READING, state=state("happy"), availability="online", privacy="OFF",
        health={"fps": 15.0, "latency_ms": {"median": 20.0, "p95": 50.0}, "cpu_percent": 10.0, "rss_mb": 100.0},
    )  # fmt: skip
    for columns in (60, 80, 200):
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in screen(view, columns)]
        bars = [line for line in lines if "█" in line or "░" in line]
        assert len(bars) == 8
        assert all(len(line) <= columns for line in bars)
    assert any("15.0 fps  20 ms" in line for line in lines)


def test_what_is_not_readable_changes_nothing() -> None:
    view = view_of(state=state("happy"))
    assert view.with_message(f"{PREFIX}/state", b"{broken") == view
    assert screen(View(PREFIX), 80)
