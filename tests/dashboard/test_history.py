"""What the page remembers, for how long, and what it forgets."""

from __future__ import annotations

import pytest

from edge.dashboard.history import HOUR_S, READINGS_S, History
from edge.messages.payloads import (
    EventPayload,
    HealthPayload,
    ModalityPart,
    ReadingPayload,
    SourcePayload,
    StatePayload,
)
from edge.readings import LABELS


def reading(label: str = "happy", face_age: float = 0.1, speech_age: float | None = None) -> ReadingPayload:
    probabilities = {name: 0.7 if name == label else 0.05 for name in LABELS}
    speech = None if speech_age is None else ModalityPart(probabilities, speech_age, 0.5, 0.5)
    return ReadingPayload(
        probabilities=probabilities, label=label, confidence=0.7, valence=0.5, arousal=0.3, people=1,
        face=ModalityPart(probabilities, face_age, 0.8, 1.0), speech=speech,
    )  # fmt: skip


def state(label: str, for_s: float = 0.0) -> StatePayload:
    return StatePayload(label=label, confidence=0.7, since="", for_s=for_s, people=1, modalities=("face",))


def test_an_hour_and_no_more() -> None:
    history = History("x")
    for second in range(0, 9_000, 5):
        history.take("state", state("happy" if second % 10 else "sad"), float(second))
        history.take("reading", reading(), float(second))
        history.take("event", EventPayload(event="person_appeared", people=1), float(second))
    told = history.snapshot(9_000.0)
    starts = [start for start, _ in told["spans"]]
    assert starts[0] <= 9_000 - HOUR_S <= starts[1]
    assert all(9_000 - event["at"] <= HOUR_S for event in told["events"])
    assert len(told["events"]) <= 300
    assert 9_000 - history.readings[0].time <= READINGS_S
    assert all(9_000 - at <= 60 for at, _, _ in told["trail"])


def test_however_much_is_told_it_stays_small() -> None:
    """Thirty readings a second, and states that flicker at every one of them."""
    history = History("x")
    for i in range(40_000):
        at = i / 30
        history.take("reading", reading(), at)
        history.take("state", state(LABELS[i % 7]), at)
        history.take("event", EventPayload(event="state_entered", label=LABELS[i % 7]), at)
    assert len(history.readings) <= 4_000
    assert len(history.spans) <= 4_000
    assert len(history.snapshot(40_000 / 30)["events"]) <= 300


def test_a_state_begins_when_it_began_and_not_when_it_was_told() -> None:
    history = History("x")
    history.take("state", state("happy", for_s=30.0), 100.0)
    history.take("state", state("happy", for_s=40.0), 110.0)
    history.take("state", state("sad", for_s=0.0), 120.0)
    assert list(history.spans) == [(70.0, "happy"), (120.0, "sad")]


def test_privacy_forgets_everything_about_everybody() -> None:
    history = History("x")
    history.take("privacy", "OFF", 0.0)
    history.take("status/camera", SourcePayload(state="online"), 0.0)
    history.take("state", state("happy"), 1.0)
    history.take("reading", reading(), 2.0)
    history.take("event", EventPayload(event="person_appeared"), 2.0)
    history.take("state", state("absent"), 3.0)  # as the service does on its way
    history.take("privacy", "ON", 3.0)
    history.take("state", state("absent"), 4.0)
    told = history.snapshot(5.0)
    assert told["spans"] == [(3.0, "privacy")]
    assert told["events"] == told["trail"] == told["curve"] == []
    assert told["reading"] is None
    assert not history.readings
    assert told["sources"]["camera"]["state"] == "online", "what is not about people stays"
    history.take("privacy", "OFF", 9.0)
    history.take("state", state("absent", for_s=0.1), 9.1)
    assert [label for _, label in history.spans] == ["privacy", "absent"]


def test_evidence_counts_as_long_as_the_config_says() -> None:
    history = History("x")
    history.take("reading", reading(), 10.0)
    history.take("reading", reading(face_age=1.0, speech_age=0.1), 20.0)
    history.take("config/fusion.face_max_age_s", "7.5", 21.0)
    history.take("reading", reading(), 30.0)
    assert [point.until - point.time for point in history.readings] == pytest.approx([2.0, 4.0, 7.5])


def test_config_words_become_values() -> None:
    history = History("x")
    for key, word in (("decision.enter", "0.45"), ("speech.require_face", "true"), ("log.level", "info")):
        history.take(f"config/{key}", word, 0.0)
    assert history.config == {"decision.enter": 0.45, "speech.require_face": True, "log.level": "info"}


def test_a_device_that_goes_offline() -> None:
    history = History("x")
    history.take("state", state("happy"), 1.0)
    assert history.take("availability", "offline", 5.0) == [("offline", {"at": 5.0})]
    assert history.take("availability", "online", 8.0) == []
    history.take("state", state("sad"), 9.0)
    assert [label for _, label in history.spans] == ["happy", "offline", "sad"]


def test_only_what_is_shown_of_health() -> None:
    history = History("x")
    health = HealthPayload(
        uptime_s=1, fps=15, frames=1, frames_dropped=0, sound_dropped_s=0, queue=0, latency_ms=None, cpu_percent=1,
        rss_mb=1, temperature_c=40.0,
    )  # fmt: skip
    ((name, content),) = history.take("health", health, 0.0)
    assert name == "health"
    assert content["temperature_c"] == 40.0
    assert "seq" not in content
