"""The work budget: thins when it must, dares more when it may, and does not swing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.face.budget import MAX_STRIDE, Budget


def test_full_work_while_all_is_well() -> None:
    budget = Budget(60, 75)
    assert {budget.step(30, 55, False, t) for t in range(100)} == {1}


def test_too_much_cpu_thins_the_work_step_by_step() -> None:
    budget = Budget(60, 75)
    strides = [budget.step(70, None, None, t) for t in range(20)]
    assert strides[0] == 2
    assert strides == sorted(strides)
    assert 4 <= strides[-1] <= 6
    assert max(b - a for a, b in pairwise(strides)) == 1


def test_far_too_much_is_thinned_faster() -> None:
    budget = Budget(20, 75)
    assert max(budget.step(100, None, None, t) for t in range(12)) == MAX_STRIDE


def test_a_hot_or_throttled_board_thins_although_cpu_is_low() -> None:
    assert Budget(60, 75).step(10, 80, False, 0.0) == 2
    assert Budget(60, 75).step(10, None, True, 0.0) == 2


def test_work_comes_back_after_a_calm_while() -> None:
    budget = Budget(60, 75)
    for t in range(10):
        budget.step(100, 80, False, t)
    assert budget.stride > 1
    for t in range(10, 24):
        assert budget.step(10, 60, False, t) > 1
    for t in range(24, 200):
        budget.step(10, 60, False, t)
    assert budget.stride == 1


def test_a_board_that_is_only_just_cool_is_left_in_peace() -> None:
    budget = Budget(60, 75)
    budget.step(10, 80, False, 0.0)
    assert {budget.step(10, 73, False, t) for t in range(1, 300)} == {2}


def test_it_settles_on_a_load_that_depends_on_it() -> None:
    budget = Budget(60, 75)
    stride, seen = 1, []
    for t in range(300):
        stride = budget.step(20 + 100 / stride, None, None, t)
        seen.append(stride)
    assert len(set(seen[100:])) == 1
    assert 20 + 100 / seen[-1] <= 60


@given(
    st.lists(
        st.tuples(
            st.floats(0, 800), st.none() | st.floats(-20, 130), st.none() | st.booleans(), st.floats(0, 30)
        ), max_size=60,
    )
)  # fmt: skip
def test_the_stride_is_always_between_one_and_its_limit(
    steps: list[tuple[float, float | None, bool | None, float]],
) -> None:
    budget, now = Budget(60, 75), 0.0
    for cpu, temperature, throttled, passed in steps:
        now += passed
        assert 1 <= budget.step(cpu, temperature, throttled, now) <= MAX_STRIDE
