"""The papers' systems without a network: splits, marginal Fisher analysis, interest points, the shape of landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from models.papers.interest_points import NUMBERS, bag_of_words, codebook, described, interest_points
from models.papers.marginal_fisher import directions
from models.papers.splits import at_random, some, without


def test_people_held_out_are_on_one_side_only() -> None:
    people = ["ann", "bob", "ann", "cy", "bob", "dan"]
    learn, held = without(people, {"bob"})
    assert {people[row] for row in held} == {"bob"}
    assert "bob" not in {people[row] for row in learn}
    assert sorted([*learn, *held]) == list(range(6))
    assert len(some(people, share=0.5)) == 2
    learn, held = at_random(100)
    assert len(held) == 20
    assert not set(learn) & set(held)


def apart(direction: np.ndarray, axis: int) -> float:  # type: ignore[type-arg]
    """How far a direction is along this axis, 0..1."""
    return abs(float(direction[axis])) / float(np.linalg.norm(direction))


def test_marginal_fisher_analysis_finds_the_margin_where_variance_lies_elsewhere() -> None:
    draw = np.random.default_rng(0)
    classes = np.repeat([0, 1], 80)
    values = np.column_stack((np.where(classes == 0, -1.0, 1.0) + draw.normal(0, 0.3, 160), draw.normal(0, 5, 160)))
    assert apart(directions(values, classes, 1)[:, 0], 0) > 0.95


def test_it_finds_a_class_on_both_sides_of_another_which_means_cannot_tell() -> None:
    draw = np.random.default_rng(0)
    sides = np.concatenate((np.full(60, -4.0), np.full(60, 4.0), np.zeros(120)))
    classes = np.repeat([0, 1], 120)
    values = np.column_stack((draw.normal(0, 2, 240), sides + draw.normal(0, 0.4, 240)))
    assert abs(values[classes == 0, 1].mean() - values[classes == 1, 1].mean()) < 0.2  # Fisher's discriminant is blind
    assert apart(directions(values, classes, 1)[:, 0], 1) > 0.95


def moving_square(turns: int | None) -> np.ndarray:  # type: ignore[type-arg]
    """A bright square that goes right, and back again from frame `turns` on; or stands still."""
    frames = np.zeros((16, 48, 48), np.float32)
    for number, frame in enumerate(frames):
        at = 10 if turns is None else 10 + 2 * (number if number <= turns else 2 * turns - number)
        frame[18:30, at : at + 10] = 1.0
    return frames


def test_what_turns_round_is_a_point_in_space_and_time_and_what_stands_still_is_none() -> None:
    assert len(interest_points(moving_square(None))) == 0
    frame, row, column = interest_points(moving_square(8))[0]
    assert abs(frame - 8) <= 2
    assert min(abs(row - 18), abs(row - 29)) <= 4
    assert min(abs(column - 26), abs(column - 35)) <= 5


def test_descriptors_tell_growing_bright_from_growing_dark() -> None:
    grows = np.zeros((16, 48, 48), np.float32)
    grows[8:, 20:28, 20:28] = 1.0
    middle = np.array([[8, 24, 24], [0, 0, 47]])  # one at the very corner
    bright, dark = described(grows, middle), described(1 - grows, middle)
    assert bright.shape == (2, NUMBERS)
    cells = NUMBERS // 6
    assert bright[0, 4 * cells : 5 * cells].sum() > 10 * bright[0, 5 * cells :].sum()
    assert dark[0, 5 * cells :].sum() > 10 * dark[0, 4 * cells : 5 * cells].sum()


def test_a_bag_counts_what_was_said_and_nothing_where_there_is_no_point() -> None:
    descriptors = np.repeat(np.eye(2, NUMBERS, dtype=np.float32), 10, axis=0)
    book = codebook(descriptors, 2)
    assert sorted((bag_of_words(descriptors[:13], book) ** 2).tolist()) == pytest.approx([3 / 13, 10 / 13])
    assert not bag_of_words(np.zeros((0, NUMBERS), np.float32), book).any()
