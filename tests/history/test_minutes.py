"""Minutes are gathered from summaries, whatever their interval is."""

from __future__ import annotations

import pytest

from edge.history.minutes import STATES, Gathered, joined, mean_people, minute
from edge.messages.payloads import SummaryPayload
from edge.readings import LABELS
from tests.helpers.told import summary


def test_a_minute_says_how_long_and_how_much() -> None:
    one = minute(joined(None, summary("happy", seconds=60.0, people=1.5), 100.0), 1_060.0)
    assert (one.begin, one.watched, one.most) == (1_000, 600, 2)
    assert dict(zip(STATES, one.states, strict=True))["happy"] == 450
    assert sum(one.states) == 600
    assert one.shares is not None
    assert one.shares[LABELS.index("happy")] == 700
    assert mean_people(one.watched, one.people) == pytest.approx(1.5)


def test_short_summaries_make_a_minute_together() -> None:
    gathered: Gathered | None = None
    for i in range(12):
        gathered = joined(gathered, summary("happy" if i < 6 else "sad", seconds=5.0), 5.0 * i)
        assert gathered.whole == (i == 11)
    assert gathered is not None
    one = minute(gathered, 2_000.0)
    assert (one.begin, one.watched) == (1_940, 600)
    times = dict(zip(STATES, one.states, strict=True))
    assert times["happy"] == times["sad"] == 225
    assert one.shares is not None
    assert one.shares[LABELS.index("happy")] == one.shares[LABELS.index("sad")] == 375


def test_a_minute_in_which_nobody_was_there_has_no_feelings() -> None:
    nobody = SummaryPayload(
        seconds=60.0, probabilities=None, time_in_state_s={"absent": 60.0}, people_mean=0.0, people_max=0
    )
    one = minute(joined(None, nobody, 60.0), 60.0)
    assert one.shares is None
    assert dict(zip(STATES, one.states, strict=True))["absent"] == 600


def test_seconds_of_an_absent_time_do_not_count_as_felt() -> None:
    nobody = SummaryPayload(
        seconds=30.0, probabilities=None, time_in_state_s={"absent": 30.0}, people_mean=0.0, people_max=0
    )
    both = joined(joined(None, nobody, 30.0), summary("sad", seconds=30.0), 60.0)
    shares = minute(both, 60.0).shares
    assert shares is not None
    assert shares[LABELS.index("sad")] == 700
