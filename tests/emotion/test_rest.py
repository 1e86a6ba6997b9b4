"""The resting face: learned from quiet moments, not from feelings, and never at the cost of neutral."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from edge.emotion.evidence import NEUTRAL, NONE, Evidence, centred, distribution, evidence_of, lead
from edge.emotion.rest import Rest, begin, bounded, observe
from edge.readings import LABELS
from tests.helpers.readings import distributions, sure_of

NEUTRAL_NATS = 2.0
STEP_S = 0.5


def watched(rest: Rest, said: Evidence, seconds: float, start: float = 0.0, quality: float = 1.0) -> Rest:
    """The rest after a face has said the same for so long."""
    for i in range(round(seconds / STEP_S)):
        rest = observe(rest, said, quality, start + i * STEP_S, share=1.0, neutral=NEUTRAL_NATS)
    return rest


def said_of(rest: Rest, evidence: Evidence) -> str:
    """What the face is read as."""
    values = list(rest.without(evidence, 1.0))
    values[NEUTRAL] += NEUTRAL_NATS
    return LABELS[values.index(max(values))]


def face(**nats: float) -> Evidence:
    return centred([nats.get(label, 0.0) for label in LABELS])


quiet = st.lists(st.floats(-2.0, 2.0), min_size=len(LABELS), max_size=len(LABELS)).map(centred)


@given(quiet)
@effort(max_examples=30, deadline=None)
def test_a_face_at_rest_becomes_known_and_is_neutral_whatever_it_looks_like(said: Evidence) -> None:
    rest = watched(begin(), said, 60.0)
    assert rest.known
    assert rest.baseline == pytest.approx(said, abs=0.35)
    assert said_of(rest, said) == "neutral"


def test_it_is_learned_within_seconds_and_held_against_what_comes_next() -> None:
    stern = face(angry=1.5)
    rest = watched(begin(), stern, 8.0)
    assert rest.known
    assert said_of(rest, stern) == "neutral"
    assert said_of(rest, face(angry=1.5, happy=4.0)) == "happy"
    assert said_of(rest, face(angry=5.0)) == "angry"


@given(st.sampled_from(LABELS[1:]), quiet)
@effort(max_examples=12, deadline=None)
def test_a_feeling_that_lasts_for_ten_minutes_is_not_learned_away(label: str, said: Evidence) -> None:
    rest = watched(begin(), said, 20.0)
    feeling = list(rest.baseline)
    feeling[LABELS.index(label)] += NEUTRAL_NATS + 1.0
    moved = watched(rest, centred(feeling), 600.0, start=20.0)
    assert said_of(moved, centred(feeling)) == label
    assert moved.baseline == pytest.approx(rest.baseline, abs=0.2)


def test_a_look_that_never_changes_is_how_this_face_looks_in_the_end() -> None:
    frown = face(angry=6.0)
    rest = watched(begin(), frown, 300.0)
    assert said_of(rest, frown) == "angry"
    assert said_of(watched(rest, frown, 1800.0, start=300.0), frown) == "neutral"


@given(st.lists(st.tuples(distributions, st.floats(0.0, 1.0), st.floats(0.0, 3.0)), max_size=40))
@effort(max_examples=60, deadline=None)
def test_a_plainly_neutral_face_stays_neutral_whatever_came_before(
    history: list[tuple[tuple[float, ...], float, float]],
) -> None:
    rest, now = begin(), 0.0
    for probabilities, quality, step in history:
        now += step
        rest = observe(rest, evidence_of(probabilities), quality, now, share=1.0, neutral=NEUTRAL_NATS)
    assert said_of(rest, evidence_of(sure_of("neutral", 0.9))) == "neutral"
    assert sum(rest.baseline) == pytest.approx(0.0, abs=1e-6) or max(map(abs, rest.baseline)) < 12.0


@given(st.lists(st.tuples(distributions, st.floats(0.0, 1.0)), min_size=3, max_size=3), quiet)
@effort(max_examples=30, deadline=None)
def test_within_an_instant_the_order_does_not_matter(
    instant: list[tuple[tuple[float, ...], float]], before: Evidence
) -> None:
    results = set()
    for order in permutations(instant):
        rest = watched(begin(), before, 2.0)
        for probabilities, quality in order:
            rest = observe(rest, evidence_of(probabilities), quality, 5.0, share=1.0, neutral=NEUTRAL_NATS)
        results.add(observe(rest, NONE, 1.0, 6.0, share=1.0, neutral=NEUTRAL_NATS))
    assert len(results) == 1


def test_what_is_hardly_seen_teaches_nothing_and_time_does_not_run_backwards() -> None:
    stern = face(angry=1.5)
    assert watched(begin(), stern, 30.0, quality=0.0).baseline == NONE
    known = watched(begin(), stern, 8.0)
    assert observe(known, NONE, 1.0, 1.0, share=1.0, neutral=NEUTRAL_NATS) == known


def test_a_gap_counts_as_a_second_and_not_as_an_hour() -> None:
    rest = watched(begin(), NONE, 8.0)
    smile = face(happy=1.0)
    rest = observe(rest, smile, 1.0, 3600.0, share=1.0, neutral=NEUTRAL_NATS)
    rest = observe(rest, smile, 1.0, 7200.0, share=1.0, neutral=NEUTRAL_NATS)
    assert lead(rest.baseline) < 0.2


@given(distributions)
def test_bounds_only_touch_what_would_count_against_neutral(probabilities: tuple[float, ...]) -> None:
    baseline = evidence_of(probabilities)
    kept = bounded(baseline)
    assert kept[NEUTRAL] == baseline[NEUTRAL]
    assert all(new >= old for new, old in zip(kept, baseline, strict=True))
    assert sum(distribution(kept)) == pytest.approx(1.0)


@given(distributions)
def test_what_only_speaks_against_feelings_neither_favours_one_nor_takes_from_neutral(
    probabilities: tuple[float, ...],
) -> None:
    baseline = evidence_of(probabilities)
    kept = bounded(baseline, only_against=True)
    assert kept[NEUTRAL] == min(baseline[NEUTRAL], 0.0)
    assert all(new == max(old, 0.0) for new, old in zip(kept[1:], baseline[1:], strict=True))
    assert begin(only_against=True).without(baseline, 1.0) == pytest.approx(baseline)
