"""What a terminal shows: only what may still be true, nothing that a terminal would act upon, in any width."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace

from edge.commands.view import View, because, change_line, screen
from edge.messages.payloads import (
    HealthPayload,
    Latency,
    ModalityPart,
    Payload,
    ReadingPayload,
    ResponsePayload,
    SourcePayload,
    StatePayload,
)

FACE = ModalityPart(probabilities={"happy": 0.9, "neutral": 0.1}, age_s=0.1, quality=1.0, weight=0.75)
READING = ReadingPayload(
    probabilities={"neutral": 0.1, "happy": 0.9}, label="happy", confidence=0.9, valence=0.5, arousal=0.1, people=1,
    face=FACE,
)  # fmt: skip
HEALTH = HealthPayload(
    uptime_s=9.0, fps=15.0, frames=1, frames_dropped=0, sound_dropped_s=0.0, queue=0, latency_ms=Latency(20.0, 50.0),
    cpu_percent=10.0, rss_mb=100.0,
)  # fmt: skip
ONLINE = SourcePayload(state="online")


def state(label: str, people: int = 1) -> StatePayload:
    return StatePayload(label=label, confidence=0.8, since="", for_s=1.0, people=people, modalities=("face",))


def view_of(*messages: tuple[str, Payload | str], at: float = 0.0) -> View:
    view = View("emotion/shelf")
    for topic, payload in messages:
        view = view.with_message(topic, payload, at)
    return view


def happy() -> View:
    """A device that runs, at second 0."""
    return view_of(
        ("availability", "online"), ("privacy", "OFF"), ("status/camera", ONLINE), ("status/microphone", ONLINE),
        ("reading", READING), ("state", state("happy")), ("health", HEALTH),
    )  # fmt: skip


def shown(view: View, columns: int = 80, rows: int = 24) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(screen(view, columns, rows)))


def test_one_line_per_change_and_none_for_a_repetition() -> None:
    before = happy()
    again = before.with_message("state", state("happy"), 1.0)
    assert change_line(before, again) is None
    line = change_line(before, before.with_message("state", state("sad"), 1.0))
    assert line is not None
    assert "sad 80 %" in line
    assert "face happy 90 % (weight 0.75)" in line


def test_a_source_that_fails_is_told_with_its_reason() -> None:
    before = happy()
    line = change_line(before, before.with_message("status/camera", SourcePayload(state="offline", reason="gone"), 1.0))
    assert line is not None
    assert line.endswith("camera offline: gone")


@pytest.mark.parametrize(
    ("label", "end"),
    [("happy", "second: neutral 10 %"), ("neutral", "second: happy 90 %"), ("absent", "second: neutral 10 %")],
)
def test_what_comes_second_is_another_than_what_is_shown(label: str, end: str) -> None:
    view = view_of(("reading", replace(READING, because="the face alone")), ("state", state(label)))
    assert because(view) == f"because: the face alone; {end}"
    assert because(view_of(("reading", READING))) == "", "a device of an earlier version says no reason"
    strange = replace(READING, probabilities={"bored": 1.0}, because="who knows")
    assert because(view_of(("reading", strange))) == "because: who knows"


# What goes


CHANGES: dict[str, Any] = {
    "privacy": lambda view: view.with_message("privacy", "ON", 1.0),
    "the device is offline": lambda view: view.with_message("availability", "offline", 1.0),
    "broker": lambda view: view.with_broker("the connection was lost", 1.0),
    "silent": lambda view: view.at(28.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_feeling_goes_when_nothing_can_be_known(change: str) -> None:
    before = happy()
    assert "happy █" in shown(before)
    assert " live" in shown(before)
    after = CHANGES[change](before)
    text = shown(after)
    assert change in text
    assert "%" not in re.sub(r"CPU.*", "", text)
    assert " live" not in text or change in ("privacy", "silent")
    assert after.state is None
    assert after.reading is None


def test_what_arrives_late_under_privacy_is_not_shown() -> None:
    closed = happy().with_message("privacy", "ON", 1.0)
    late = closed.with_message("state", state("sad"), 1.1).with_message("reading", READING, 1.1)
    assert (late.state, late.reading) == (None, None)
    opened = late.with_message("privacy", "OFF", 2.0)
    assert opened.state is None
    assert opened.with_message("state", state("sad"), 2.1).state is not None


def test_each_thing_has_its_own_age() -> None:
    view = happy()
    assert view.at(4.9).reading is not None
    assert view.at(5.1).reading is None
    assert view.at(26.9).state is not None  # repeated every ten seconds: two were missed, and two more to travel
    assert view.at(27.1).state is None
    slow = view.with_message("config/publish.state_every_s", "60", 0.0)
    assert slow.at(151.0).state is not None
    assert slow.at(153.0).state is None
    line = change_line(view, view.at(27.1))
    assert line is not None
    assert line.endswith("state not known")


def test_the_broker_that_goes_and_comes_back_is_told() -> None:
    view = happy()
    gone = view.with_broker("the connection to b:1 was lost", 1.0)
    assert (change_line(view, gone) or "").endswith("broker the connection to b:1 was lost")
    assert (change_line(gone, gone.with_broker("", 2.0)) or "").endswith("broker connected")


def test_an_answer_about_health_counts_as_health() -> None:
    data = {"uptime_s": 1, "fps": 7.5, "frames": 1, "frames_dropped": 0, "sound_dropped_s": 0, "queue": 0,
            "latency_ms": None, "cpu_percent": 3, "rss_mb": 50}  # fmt: skip
    answer = ResponsePayload(status="ok", data=data)
    assert "7.5 fps" in shown(view_of(("response/health", answer)))
    for bad in (ResponsePayload(status="ok", data=3), ResponsePayload(status="error", error="x")):
        assert view_of(("response/health", bad)).health is None


# What a stranger says

EVIL = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202e\n"


def test_nothing_of_a_stranger_reaches_the_terminal_as_it_is() -> None:
    before = happy()
    messages: list[tuple[str, Payload | str]] = [
        ("availability", f"online{EVIL}"),
        ("privacy", EVIL),
        ("status/camera", SourcePayload(state="offline", reason=EVIL)),
        (f"status/{EVIL}", SourcePayload(state="offline", reason=EVIL)),
        ("state", StatePayload(label=EVIL, confidence=1.0, since=EVIL, for_s=0.0, people=1, modalities=(EVIL,))),
        ("reading", ReadingPayload(
            probabilities={EVIL: 1.0}, label=EVIL, confidence=1.0, valence=0.0, arousal=0.0, people=1,
            face=ModalityPart(probabilities={EVIL: 1.0}, age_s=0.0, quality=1.0, weight=1.0),
        )),
        ("config/publish.state_every_s", EVIL),
    ]  # fmt: skip
    for topic, payload in messages:
        after = before.with_message(topic, payload, 1.0)
        for text in (change_line(before, after) or "", shown(after), *shown(after.with_broker(EVIL, 1.0)).split("\n")):
            assert "\x1b[2J" not in text
            assert "\x07" not in text
            assert "\u202e" not in text
    assert "state" in before.with_message("state", state("sad"), 1.0).received


def test_a_sample_is_marked() -> None:
    sample = SourcePayload(state="online", reason="SAMPLE: the sample scene")
    view = happy().with_message("status/camera", sample, 1.0)
    assert "camera SAMPLE" in shown(view)
    assert "a demonstration, not you" in shown(view)
    line = change_line(view, view.with_message("state", state("sad"), 1.0))
    assert line is not None
    assert line.endswith("SAMPLE")


# The picture


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    for view in (happy(), View("emotion/" + "x" * 63), happy().with_broker("x" * 200, 0.0)):
        lines = shown(view, columns).split("\n")
        assert all(len(line) <= columns for line in lines), lines
    bars = [line for line in shown(happy(), columns).split("\n") if "█" in line or "░" in line]
    assert len(bars) == 8


def test_it_fits_above_the_last_row_so_that_it_is_redrawn_in_place() -> None:
    for rows in (10, 16, 24, 50):
        assert len(screen(happy(), 60, rows)) < rows
        heights = {len(screen(view, 60, rows)) for view in (happy(), happy().at(4.0))}
        assert len(heights) == 1


def test_words_have_their_line_beside_face_and_voice() -> None:
    words = ModalityPart(probabilities={"sad": 0.8, "neutral": 0.2}, age_s=2.0, quality=0.6, weight=0.25)
    view = happy().with_message("reading", replace(READING, text=words), 0.0)
    shown = screen(view, 80)
    assert any("words sad 80 % (weight 0.25)" in line for line in shown)
    assert not any("words" in line for line in screen(happy(), 80))
    changed = change_line(happy(), view.with_message("state", state("sad"), 0.0))
    assert changed is not None
    assert "words sad 80 %" in changed
