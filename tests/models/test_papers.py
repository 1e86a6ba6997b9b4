"""The papers' systems on tiny data: splits hold people out, marginal Fisher analysis finds what it must."""

from __future__ import annotations

import numpy as np

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
