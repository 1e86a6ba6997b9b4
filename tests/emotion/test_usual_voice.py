"""A lively talker is not taken for a feeling; a feeling that lasts is not taken for a habit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from edge.emotion import liveliness, usual_voice
from edge.emotion.evidence import NEUTRAL, Evidence, centred, lead
from edge.emotion.liveliness import Liveliness
from edge.emotion.usual_voice import UsualVoice
from edge.readings import LABELS

HOP_S = 0.5
leads = st.lists(st.floats(-6.0, 6.0), min_size=1, max_size=300)


def talked(lively: Liveliness, heights: list[float], start: float = 0.0) -> Liveliness:
    """After readings in which a feeling led by so much."""
    for n, height in enumerate(heights):
        lively = liveliness.observe(lively, height, start + n * HOP_S)
    return lively


def feeling(nats: float) -> Evidence:
    return centred([nats if label == "angry" else 0.0 for label in LABELS])


def test_a_calm_talker_is_not_lively() -> None:
    assert talked(Liveliness(), [-2.0] * 200).usual == 0.0


def test_somebody_who_rises_and_falls_all_the_time_must_rise_further() -> None:
    assert talked(Liveliness(), [-1.0, -1.0, 1.5, -1.0] * 40).usual == pytest.approx(1.5, abs=0.1)


def test_that_takes_a_while_to_be_known() -> None:
    after = [talked(Liveliness(), [-1.0, -1.0, 1.5, -1.0] * n).usual for n in (6, 12, 40)]
    assert after == sorted(after)
    assert after[0] < 0.5 < after[-1]


@given(st.floats(0.5, 6.0), st.lists(st.floats(-6.0, 0.0), min_size=40, max_size=240))
@effort(max_examples=30, deadline=None)
def test_a_feeling_that_goes_on_for_ten_minutes_is_no_habit(height: float, calm: list[float]) -> None:
    lively = talked(Liveliness(), calm)
    felt = talked(lively, [height] * 1200, start=len(calm) * HOP_S)
    assert felt.usual == pytest.approx(lively.usual, abs=0.01)


def test_once_it_is_over_it_counts_for_a_few_seconds_alone() -> None:
    lively = talked(Liveliness(), [-2.0] * 200 + [3.0] * 60 + [-2.0])
    assert lively.usual == 0.0


@given(leads)
@effort(max_examples=50, deadline=None)
def test_it_only_speaks_for_neutral_never_makes_a_plain_feeling_impossible_and_stays_small(
    heights: list[float],
) -> None:
    lively = talked(Liveliness(), heights)
    assert 0.0 <= lively.usual <= 2.0
    assert sum(seconds for _, seconds in (*lively.heights, *lively.waiting)) <= 132.0


@given(leads, st.floats(0.0, 100.0))
@effort(max_examples=30, deadline=None)
def test_time_that_runs_backwards_changes_nothing(heights: list[float], back: float) -> None:
    lively = talked(Liveliness(), heights)
    assert lively.time is not None
    assert liveliness.observe(lively, 5.0, lively.time - back) == lively


def test_what_a_lively_voice_says_counts_for_less_and_a_plain_feeling_still_leads() -> None:
    voice = UsualVoice()
    for n in range(240):
        voice = usual_voice.observe(voice, feeling(1.2 if n % 4 == 3 else -1.0), 1.0, n * HOP_S, 0.5)
    calm = UsualVoice()
    for n in range(240):
        calm = usual_voice.observe(calm, feeling(-1.0), 1.0, n * HOP_S, 0.5)
    assert lead(voice.without(feeling(1.2))) < 0.2
    assert lead(calm.without(feeling(1.2))) == pytest.approx(1.2, abs=0.01)
    assert lead(voice.without(feeling(4.0))) > 1.5
    assert voice.without(feeling(1.2))[NEUTRAL] > calm.without(feeling(1.2))[NEUTRAL]
