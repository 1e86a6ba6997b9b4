"""Counting by the day."""

from __future__ import annotations

from edge.device.clock import DAY_S, DailyCount
from tests.helpers.clock import FakeClock


def test_each_day_is_counted_by_itself_also_when_nothing_is_added_for_days() -> None:
    clock = FakeClock(wall=20_000 * DAY_S + 100.0)
    count = DailyCount(clock)
    assert count.today == 0
    count.add(3)
    clock.pass_time(DAY_S - 101.0)
    count.add(4)
    assert count.today == 7
    clock.pass_time(1.0)
    assert count.today == 0, "it is midnight"
    count.add(5)
    clock.pass_time(3 * DAY_S)
    assert count.today == 0
    count.add(6)
    assert count.today == 6
