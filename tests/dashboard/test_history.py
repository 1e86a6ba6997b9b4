"""What the page remembers, for how long, and what it forgets."""

from __future__ import annotations

import pytest

from edge.dashboard.history import History
from edge.dashboard.past_hour import HOUR_S, READINGS_S
from edge.messages.payloads import (
    EventPayload,
    HealthPayload,
    SourcePayload,
)
from edge.readings import LABELS
from tests.helpers.told import reading, state


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
    assert 9_000 - history.past.readings[0].time <= READINGS_S
    assert all(9_000 - at <= 60 for at, _, _ in told["trail"])


def test_however_much_is_told_it_stays_small() -> None:
    """Thirty readings a second, and states that flicker at every one of them."""
    history = History("x")
    for i in range(40_000):
        at = i / 30
        history.take("reading", reading(), at)
        history.take("state", state(LABELS[i % 7]), at)
        history.take("event", EventPayload(event="state_entered", label=LABELS[i % 7]), at)
    assert len(history.past.readings) <= 4_000
    assert len(history.past.spans) <= 4_000
    assert len(history.snapshot(40_000 / 30)["events"]) <= 300


def test_a_state_begins_when_it_began_and_not_when_it_was_told() -> None:
    history = History("x")
    history.take("state", state("happy", for_s=30.0), 100.0)
    history.take("state", state("happy", for_s=40.0), 110.0)
    history.take("state", state("sad", for_s=0.0), 120.0)
    assert list(history.past.spans) == [(70.0, "happy"), (120.0, "sad")]


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
    assert not history.past.readings
    assert told["sources"]["camera"]["state"] == "online", "what is not about people stays"
    history.take("privacy", "OFF", 9.0)
    history.take("state", state("absent", for_s=0.1), 9.1)
    assert [label for _, label in history.past.spans] == ["privacy", "absent"]


def test_evidence_counts_as_long_as_the_config_says() -> None:
    history = History("x")
    history.take("reading", reading(), 10.0)
    history.take("reading", reading(face_age=1.0, speech_age=0.1), 20.0)
    history.take("config/fusion.face_max_age_s", "7.5", 21.0)
    history.take("reading", reading(), 30.0)
    assert [point.until - point.time for point in history.past.readings] == pytest.approx([2.0, 4.0, 7.5])


def test_config_words_become_values() -> None:
    history = History("x")
    for key, word in (("decision.enter", "0.45"), ("speech.require_face", "true"), ("log.level", "info")):
        history.take(f"config/{key}", word, 0.0)
    assert history.config == {"decision.enter": 0.45, "speech.require_face": True, "log.level": "info"}


def test_a_device_that_goes_offline() -> None:
    history = History("x")
    history.take("state", state("happy"), 1.0)
    assert history.take("availability", "offline", 5.0) == [("service", {"state": "offline", "at": 1.0})]
    assert history.snapshot(5.0)["state"] is None
    assert history.take("availability", "online", 8.0) == [("service", {"state": "ok", "at": 8.0})]
    history.take("state", state("sad"), 9.0)
    assert [label for _, label in history.past.spans] == ["happy", "offline", "sad"]


def test_a_service_that_falls_silent_without_a_word() -> None:
    """Killed, hung, or its power is gone: nobody says so."""
    history = History("x")
    history.take("state", state("happy"), 0.0)
    history.take("reading", reading(), 4.0)
    assert history.check(20.0) == []
    assert history.snapshot(20.0)["state"]["label"] == "happy"
    assert history.check(60.0) == [("service", {"state": "silent", "at": 4.0})]
    told = history.snapshot(60.0)
    assert told["state"] is told["reading"] is None
    assert told["spans"] == [(0.0, "happy"), (4.0, "offline")]
    news = history.take("state", state("happy", for_s=2.0), 90.0)
    assert news[0] == ("service", {"state": "ok", "at": 90.0})
    assert list(history.past.spans) == [(0.0, "happy"), (4.0, "offline"), (88.0, "happy")]


def test_a_gap_shows_though_nobody_looked_meanwhile() -> None:
    history = History("x")
    history.take("state", state("happy"), 0.0)
    history.take("state", state("happy", for_s=1.0), 900.0)
    assert [label for _, label in history.past.spans] == ["happy", "offline", "happy"]


def test_whatever_lies_at_the_broker_is_no_sign_of_life() -> None:
    """Retained messages outlive the service that sent them."""
    history = History("x")
    history.take("status/camera", SourcePayload(state="online"), 0.0)
    history.take("config/decision.enter", "0.45", 0.0)
    history.take("privacy", "OFF", 0.0)
    assert history.check(1.0) == []
    assert history.take("availability", "offline", 2.0) == [("service", {"state": "offline", "at": 2.0})]
    assert history.take("availability", "online", 3.0) == [("service", {"state": "waiting", "at": 3.0})]
    news = history.take("event", EventPayload(event="person_appeared"), 4.0)
    assert news[0] == ("service", {"state": "ok", "at": 4.0})
    assert history.check(5.0, cut_off=True) == [("service", {"state": "offline", "at": 4.0})]


def test_under_privacy_silence_is_normal_for_longer() -> None:
    history = History("x")
    history.take("state", state("happy"), 0.0)
    history.take("config/publish.health_every_s", "60.0", 0.5)
    history.take("privacy", "ON", 1.0)
    assert history.check(100.0) == []
    history.take("privacy", "OFF", 100.0)
    assert history.check(101.0) == []


def test_stragglers_under_privacy_are_dropped() -> None:
    history = History("x")
    history.take("privacy", "ON", 1.0)
    for topic, payload in (
        ("state", state("happy")), ("reading", reading()), ("event", EventPayload(event="state_entered", label="sad")),
    ):  # fmt: skip
        assert [name for name, _ in history.take(topic, payload, 1.1)] in ([], ["service"])
    told = history.snapshot(1.2)
    assert told["state"] is told["reading"] is None
    assert told["events"] == []


def test_nothing_from_the_wire_is_kept_as_it_comes() -> None:
    """A stranger at the broker may publish whatever they like below our topics."""
    history = History("a\x1b]0;b\u202e" + "c" * 10_000)
    assert history.snapshot(0.0)["info"]["device"].startswith("a\\x1b]0;b\\u202eccc")
    assert len(history.snapshot(0.0)["info"]["device"]) <= 520
    history.take("status/camera", SourcePayload(state="offline", reason="\x1b[2J" * 1_000), 0.0)
    assert "\x1b" not in history.snapshot(0.0)["sources"]["camera"]["reason"]
    for i in range(5_000):
        history.take(f"status/x{i}", SourcePayload(state="online"), 0.0)
        history.take(f"config/x.y{i}", "1", 0.0)
    history.take("state", state("<b>" * 1_000), 0.0)
    history.take("event", EventPayload(event="state_entered", label="\x1b"), 0.0)
    history.take("privacy", "maybe", 0.0)
    told = history.snapshot(0.0)
    assert set(told["sources"]) == {"camera"}
    assert told["config"] == {}
    assert told["state"] is told["privacy"] is None
    assert told["events"] == []


def test_why_a_camera_is_off_is_told_in_every_language() -> None:
    history = History("x")
    reason = "no camera found: plug one in, or set camera.source (`emotion-edge devices` lists cameras)"
    ((_, told),) = history.take("status/camera", SourcePayload(state="offline", reason=reason), 0.0)
    assert told["reason"] == reason
    assert told["said"]["de"].startswith("keine Kamera gefunden: ")
    assert set(told["said"]) == {"de", "fr", "es"}


def test_only_what_is_shown_of_health() -> None:
    history = History("x")
    health = HealthPayload(
        uptime_s=1, fps=15, frames=1, frames_dropped=0, sound_dropped_s=0, queue=0, latency_ms=None, cpu_percent=1,
        rss_mb=1, temperature_c=40.0,
    )  # fmt: skip
    (service, (name, content)) = history.take("health", health, 0.0)
    assert service == ("service", {"state": "ok", "at": 0.0})
    assert name == "health"
    assert content["temperature_c"] == 40.0
    assert "seq" not in content
