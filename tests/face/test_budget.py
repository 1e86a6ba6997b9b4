"""The work budget: leaves out frames when it must, dares more when it may, holds its limit and does not swing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.face.budget import LEAST, Budget

FPS = 30.0


def shares(budget: Budget, seconds: int, idle: float, each: float, noise: float = 0.0) -> list[float]:
    """The CPU percent of each second where a frame costs `each` percent and all the rest `idle`."""
    rng = random.Random(1)
    found = []
    for now in range(seconds):
        cpu = (idle + each * (budget.rate or FPS)) * (1 + rng.uniform(-noise, noise))
        budget.step(cpu, None, None, float(now))
        found.append(cpu)
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_nothing_is_left_out_while_all_is_well() -> None:
    budget = Budget(60, 75, FPS)
    assert {budget.step(30, 55, False, t) for t in range(100)} == {None}
    assert budget.thinned == ""


@pytest.mark.parametrize(
    ("limit", "idle", "each"), [(5, 1.5, 1.0), (5, 3.0, 0.5), (20, 2, 3.0), (60, 10, 3.0), (60, 0, 60)]
)
def test_the_limit_holds_and_is_used(limit: float, idle: float, each: float) -> None:
    budget = Budget(limit, 75, FPS)
    found = shares(budget, 200, idle, each, noise=0.15)
    assert mean(found[40:]) <= 1.1 * limit
    assert mean(found[40:]) >= 0.8 * limit, "more could be done"
    assert f"of 30 frames a second: limits.max_cpu_percent is {limit:g}" in budget.thinned


def test_far_too_much_is_thinned_within_seconds() -> None:
    budget = Budget(20, 75, FPS)
    found = shares(budget, 12, 2, 10)
    assert found[-1] <= 1.1 * 20


def test_what_cannot_be_thinned_leaves_the_least() -> None:
    budget = Budget(5, 75, FPS)
    shares(budget, 300, 8, 1)
    assert budget.rate == LEAST


def test_it_does_not_swing() -> None:
    budget = Budget(60, 75, FPS)
    rates = [budget.step(20 + 4 * (budget.rate or FPS), None, None, now) for now in range(400)]
    assert len(set(rates[100:])) == 1


def test_a_hot_or_throttled_board_thins_although_cpu_is_low() -> None:
    hot, throttled = Budget(60, 75, FPS), Budget(60, 75, FPS)
    assert hot.step(10, 80, False, 0.0) == FPS / 2
    assert "hot" in hot.thinned
    assert throttled.step(10, None, True, 0.0) == FPS / 2
    assert "throttled" in throttled.thinned


@pytest.mark.parametrize("inertia_s", [20.0, 60.0, 180.0])
def test_the_temperature_limit_holds_and_is_used(inertia_s: float) -> None:
    """A board that work warms slowly: 87 degrees with all of it, in a room of 25 whose case adds 20."""
    budget = Budget(400, 75, FPS)
    temperature, found = 45.0, []
    for now in range(3000):
        rate = budget.step(70, temperature, False, float(now)) or FPS
        temperature += (45.0 + 42.0 * (0.15 + 0.85 * rate / FPS) - temperature) / inertia_s
        found.append(temperature)
    assert max(found) <= 1.02 * 75
    assert mean(found[1500:]) >= 0.9 * 75, "more could be done"


def test_work_comes_back_after_a_calm_while() -> None:
    budget = Budget(60, 75, FPS)
    for t in range(10):
        budget.step(100, 80, False, t)
    low = budget.rate
    assert low is not None
    for t in range(10, 20):
        assert budget.step(10, 60, False, t) == low
    for t in range(20, 200):
        budget.step(10, 60, False, t)
    assert budget.rate is None
    assert budget.thinned == ""


def test_a_board_that_is_only_just_cool_is_left_in_peace() -> None:
    budget = Budget(60, 75, FPS)
    budget.step(10, 80, False, 0.0)
    assert {budget.step(10, 73, False, t) for t in range(1, 300)} == {FPS / 2}


@given(
    st.lists(
        st.tuples(
            st.floats(0, 800), st.none() | st.floats(-20, 130), st.none() | st.booleans(), st.floats(0, 30)
        ), max_size=60,
    )
)  # fmt: skip
def test_the_rate_is_always_between_the_least_and_what_the_camera_gives(
    steps: list[tuple[float, float | None, bool | None, float]],
) -> None:
    budget, now = Budget(60, 75, FPS), 0.0
    for cpu, temperature, throttled, passed in steps:
        now += passed
        rate = budget.step(cpu, temperature, throttled, now)
        assert rate is None or LEAST <= rate < FPS
        assert (rate is None) == (budget.thinned == "")
