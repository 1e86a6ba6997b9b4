from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.config import schema
from edge.emotion.decision import DecisionMemory, begin, decide
from edge.readings import ABSENT, LABELS, UNCERTAIN, Part, Probabilities, Reading
from tests.helpers.readings import distributions, sure_of

SETTINGS = schema.DecisionConfig()


def reading_of(p: Probabilities, now: float) -> Reading:
    return Reading(now, p, 0.0, 0.0, max(p), 1, {"face": Part(p, 0.0, 1.0, 1.0)})


def run(
    memory: DecisionMemory, p: Probabilities | None, start: float, seconds: float, step: float = 0.1
) -> DecisionMemory:
    for i in range(round(seconds / step)):
        now = start + i * step
        memory = decide(memory, None if p is None else reading_of(p, now), now, SETTINGS, ("face",))
    return memory


def test_a_clear_feeling_is_entered_and_not_at_once() -> None:
    memory = run(begin(0.0), None, 0.0, 5.0)
    assert memory.state.label == ABSENT
    assert run(memory, sure_of("happy"), 5.0, 0.3).state.label != "happy"
    assert run(memory, sure_of("happy"), 5.0, 5.0).state.label == "happy"


def test_flicker_between_two_labels_does_not_reach_the_state() -> None:
    memory = run(run(begin(0.0), None, 0.0, 3.0), sure_of("happy"), 3.0, 6.0)
    labels = set()
    for i in range(200):
        now = 9.0 + i * 0.1
        label = "happy" if i % 4 else "sad"
        memory = decide(memory, reading_of(sure_of(label), now), now, SETTINGS, ("face",))
        labels.add(memory.state.label)
    assert labels == {"happy"}


def test_held_when_someone_turns_away_then_absent() -> None:
    memory = run(begin(0.0), sure_of("sad"), 0.0, 8.0)
    assert memory.state.label == "sad"
    assert run(memory, None, 8.0, SETTINGS.hold_s - 0.5).state.label == "sad"
    gone = run(memory, None, 8.0, SETTINGS.hold_s + 1.0)
    assert gone.state.label == ABSENT
    assert gone.state.confidence == 1.0


def test_nobody_means_little_when_nothing_watches() -> None:
    blind = decide(begin(0.0), None, 10.0, SETTINGS, ())
    assert blind.state.label == ABSENT
    assert blind.state.confidence == 0.0


def test_what_nothing_wins_is_uncertain() -> None:
    memory = run(begin(0.0), tuple(1 / 7 for _ in LABELS), 0.0, 8.0)
    assert memory.state.label == UNCERTAIN


def test_hysteresis_keeps_what_would_not_be_entered() -> None:
    weak = sure_of("happy", 0.40)  # between exit (0.32) and enter (0.42)
    entered = run(begin(0.0), sure_of("happy"), 0.0, 8.0)
    assert run(entered, weak, 8.0, 20.0).state.label == "happy"
    assert run(begin(0.0), weak, 0.0, 20.0).state.label == UNCERTAIN


def test_a_clock_that_goes_back_changes_nothing() -> None:
    memory = run(begin(100.0), sure_of("happy"), 100.0, 8.0)
    assert decide(memory, reading_of(sure_of("sad"), 50.0), 50.0, SETTINGS) == memory


steps = st.lists(st.tuples(st.floats(0.001, 5.0), st.none() | distributions, st.booleans()), min_size=1, max_size=60)
settings = st.builds(
    schema.DecisionConfig,
    smoothing_s=st.floats(0.0, 10.0),
    enter=st.floats(0.2, 0.9),
    exit=st.floats(0.0, 0.2),
    margin=st.floats(0.0, 0.5),
    dwell_s=st.floats(0.0, 10.0),
    hold_s=st.floats(0.0, 10.0),
)


@given(steps=steps, settings=settings)
def test_no_state_is_shorter_than_its_dwell(
    steps: list[tuple[float, Probabilities | None, bool]], settings: schema.DecisionConfig
) -> None:
    memory = begin(0.0)
    now = 0.0
    for seconds, p, watched in steps:
        now += seconds
        before = memory
        memory = decide(memory, None if p is None else reading_of(p, now), now, settings, ("face",) if watched else ())
        if memory.state.label != before.state.label:
            assert now - before.state.since >= settings.dwell_s
            assert memory.state.since == now
        assert math.isclose(sum(memory.smoothed), 1.0, abs_tol=1e-6)
        assert 0.0 <= memory.state.confidence <= 1.0
        assert memory.state.label in (*LABELS, UNCERTAIN, ABSENT)


@given(p=distributions, parts=st.integers(1, 50))
def test_smoothing_depends_on_time_and_not_on_how_many_readings_came(p: Probabilities, parts: int) -> None:
    once = decide(begin(0.0), reading_of(p, 2.0), 2.0, SETTINGS)
    many = begin(0.0)
    for i in range(1, parts + 1):
        now = 2.0 * i / parts
        many = decide(many, reading_of(p, now), now, SETTINGS)
    assert all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(once.smoothed, many.smoothed, strict=True))
