"""Other thresholds over the recent past: the real decision, so that what is drawn is what would be."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edge.config.schema import Config, DecisionConfig
from edge.dashboard.history import History
from edge.dashboard.replay import Point, replay
from edge.dashboard.thresholds import Thresholds, names
from edge.errors import ConfigError
from edge.readings import LABELS
from tests.helpers.page import ScriptedHour

NOW = 10_000.0


@pytest.fixture(scope="module")
def history() -> History:
    """An hour of a scripted room, as the service would have told it with its default thresholds."""
    found = History("x")
    for topic, payload, at in ScriptedHour(NOW, 1_800_000_000.0).until(NOW):
        found.take(topic, payload, at)
    for key in names():
        found.take(f"config/{key}", str(getattr(Config().decision, key.partition(".")[2])), NOW)
    return found


def at(spans: list[tuple[float, str]], moment: float) -> str:
    return [label for start, label in spans if start <= moment][-1]


def test_the_thresholds_in_effect_give_what_really_happened(history: History) -> None:
    """From two readings a second: the same states, but for moments at the edges."""
    found = replay(history.past.readings, Config().decision, NOW - 300, NOW)
    moments = [NOW - 300 + i * 0.5 for i in range(600)]
    same = [at(list(found.spans), m) == at(list(history.past.spans), m) for m in moments]
    assert len({label for _, label in found.spans}) >= 3, "the script is lively enough to tell something"
    assert sum(same) / len(same) > 0.95


def test_harder_thresholds_mean_less_and_shorter_states(history: History) -> None:
    def certain(settings: DecisionConfig) -> float:
        spans = [*replay(history.past.readings, settings, NOW - 300, NOW).spans, (NOW, "")]
        return sum(after - start for (start, label), (after, _) in pairwise(spans) if label in LABELS)

    easy, harder, hard = (certain(DecisionConfig(enter=e, exit=e * 0.7)) for e in (0.3, 0.7, 0.9))
    assert easy > harder > hard


def test_a_longer_dwell_means_fewer_changes(history: History) -> None:
    short = replay(history.past.readings, DecisionConfig(dwell_s=0.0, smoothing_s=0.3), NOW - 300, NOW).spans
    long = replay(history.past.readings, DecisionConfig(dwell_s=20.0, smoothing_s=0.3), NOW - 300, NOW).spans
    assert len(long) < len(short)
    assert all(after - start >= 20.0 - 1e-6 for (start, _), (after, _) in pairwise(long[1:]))


def test_nothing_remembered_is_nobody() -> None:
    found = replay([], DecisionConfig(), 0.0, 300.0)
    assert found.spans == ((0.0, "absent"),)
    assert all(p is None for _, p, _ in found.curve)


def test_old_evidence_ends_as_it_does_in_life() -> None:
    happy = tuple(0.94 if label == "happy" else 0.01 for label in LABELS)
    points = [Point(i * 0.5, happy, i * 0.5 + 2.0) for i in range(60)]  # half a minute, then nobody
    spans = replay(points, DecisionConfig(), 0.0, 60.0).spans
    assert [label for _, label in spans] == ["absent", "happy", "absent"]
    assert spans[-1][0] == pytest.approx(29.5 + 2.0 + DecisionConfig().hold_s, abs=0.5)


def test_a_candidate_is_checked_as_the_service_checks_it(history: History) -> None:
    thresholds = Thresholds(history)
    assert thresholds.candidate({"decision.enter": 0.6}) == DecisionConfig(enter=0.6)
    for values, told in (
        ({"decision.exit": 0.9}, "decision.exit: 0.9 is above decision.enter"),
        ({"decision.enter": 1.5}, "allowed: a number from 0 to 1"),
        ({"decision.enter": "a"}, "allowed: a number from 0 to 1"),
        ({"decision.enter": None}, "null"),
        ({"privacy.remote_off": True}, "must be some of"),
        ({"mqtt.host": "elsewhere"}, "must be some of"),
        ({}, "must be some of"),
        (None, "must be some of"),
        ([1], "must be some of"),
    ):
        with pytest.raises(ConfigError, match=told):
            thresholds.candidate(values)


def test_a_trial_over_six_minutes_takes_a_moment(history: History) -> None:
    """It shares the processor with the service: on a slow board it is ten times this."""
    import time

    trial = Thresholds(history).trial(DecisionConfig(), NOW)
    began = time.thread_time()
    found = trial()
    assert time.thread_time() - began < 0.5
    assert found["end"] - found["start"] == 300
    assert len(found["curve"]) <= 301
