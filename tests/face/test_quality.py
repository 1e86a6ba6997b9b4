"""Quality falls with everything that makes a face harder to read, and with nothing else."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from edge.face.crop import crop_face
from edge.face.quality import cover, light, quality_of, sharpness, size_factor
from edge.readings import Box
from tests.helpers.stage import portrait

CROP = crop_face(portrait(), Box(99, 57, 88, 115), 48, 1.0)


def test_a_good_face_is_good() -> None:
    assert quality_of(CROP, 115.0, 0.8) > 0.85


def test_it_falls_with_size_score_sharpness_and_light() -> None:
    good = quality_of(CROP, 115.0, 0.8)
    assert quality_of(CROP, 24.0, 0.8) < 0.6 * good
    assert quality_of(CROP, 115.0, 0.5) < 0.6 * good
    assert quality_of(np.asarray(cv2.GaussianBlur(CROP, (0, 0), 3.0), np.uint8), 115.0, 0.8) < 0.5 * good
    assert quality_of((CROP * 0.1).astype(np.uint8), 115.0, 0.8) < 0.5 * good
    assert quality_of(np.clip(CROP * 3.0 + 100.0, 0, 255).astype(np.uint8), 115.0, 0.8) < 0.5 * good


def test_each_blur_is_worse_than_the_one_before() -> None:
    values = [sharpness(np.asarray(cv2.GaussianBlur(CROP, (0, 0), sigma), np.uint8)) for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.3


def test_contrast_is_not_sharpness() -> None:
    softer = (CROP * 0.5 + 60).astype(np.uint8)
    assert sharpness(softer) == pytest.approx(sharpness(CROP), abs=0.1)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(28, 48), slice(0, 48)), (slice(8, 26), slice(0, 48)), (slice(0, 48), slice(0, 24))],
    ids=["mouth", "eyes", "one half"],
)
@pytest.mark.parametrize("grey", [20, 130, 220])
def test_a_face_of_which_a_part_is_hidden_is_hard_to_read(rows: slice, columns: slice, grey: int) -> None:
    hidden = CROP.copy()
    hidden[rows, columns] = grey
    assert cover(hidden) < 0.5 * cover(CROP)
    assert quality_of(hidden, 115.0, 0.8) < 0.5 * quality_of(CROP, 115.0, 0.8)


@given(st.floats(0.3, 1.0), st.integers(0, 60), st.floats(-0.3, 0.3))
@effort(max_examples=30, deadline=None)
def test_light_and_contrast_hide_nothing(contrast: float, lift: int, slant: float) -> None:
    across = 1.0 + slant * np.linspace(-1.0, 1.0, CROP.shape[1])
    relit = np.clip(CROP * contrast * across + lift, 0, 255).astype(np.uint8)
    assert cover(relit) == pytest.approx(cover(CROP), abs=0.25)


def test_where_eyes_and_mouth_are_depends_on_how_much_is_around_them() -> None:
    wide = crop_face(portrait(), Box(99, 57, 88, 115), 64, 1.3)
    assert cover(wide, 1.3) == pytest.approx(cover(CROP), abs=0.2)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_in_it_is_worth_nothing(value: int) -> None:
    assert quality_of(np.full((48, 48), value, np.uint8), 100.0, 1.0) == 0.0


def test_more_than_the_model_sees_adds_nothing() -> None:
    assert size_factor(48.0) == size_factor(500.0) == 1.0
    assert size_factor(0.0) == 0.0


@given(st.integers(0, 2**32 - 1), st.floats(0, 2000), st.floats(0, 1), st.sampled_from([(1, 1), (3, 5), (48, 48)]))
@effort(max_examples=50, deadline=None)
def test_it_is_always_between_0_and_1(seed: int, height: float, score: float, shape: tuple[int, int]) -> None:
    crop = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    assert 0.0 <= quality_of(crop, height, score) <= 1.0
    assert 0.0 <= light(crop) <= 1.0
