"""Crops keep to the picture, and what is standardised has no NaN in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.face.crop import crop_face, prepare, shrink, to_grey
from edge.readings import Box

PICTURE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)


def test_a_square_inside_the_picture_is_cut_exactly() -> None:
    crop = crop_face(PICTURE, Box(30, 20, 48, 48), 48, 1.0)
    assert np.array_equal(crop, to_grey(PICTURE)[20:68, 30:78])


def test_a_narrow_box_becomes_a_square_around_its_centre() -> None:
    crop = crop_face(PICTURE, Box(40, 20, 28, 48), 48, 1.0)
    assert np.array_equal(crop, to_grey(PICTURE)[20:68, 30:78])


def test_the_margin_widens_the_square() -> None:
    crop = crop_face(PICTURE, Box(50, 40, 24, 24), 48, 2.0)
    assert np.array_equal(crop, to_grey(PICTURE)[28:76, 38:86])


def test_what_lies_outside_repeats_the_edge() -> None:
    crop = crop_face(PICTURE, Box(-10, -20, 48, 48), 48, 1.0)
    grey = to_grey(PICTURE)
    assert np.array_equal(crop[20:, 10:], grey[:28, :38])
    assert np.all(crop[:20, :10] == grey[0, 0])
    assert np.array_equal(crop[0, 10:], grey[0, :38])


@pytest.mark.parametrize("shape", [(120, 160), (120, 160, 1), (120, 160, 3)])
def test_grey_and_colour_pictures_are_taken(shape: tuple[int, ...]) -> None:
    crop = crop_face(np.zeros(shape, np.uint8), Box(10, 10, 30, 40))
    assert crop.shape == (48, 48)
    assert crop.dtype == np.uint8


@settings(max_examples=200, deadline=None)
@given(
    x=st.floats(-400, 400),
    y=st.floats(-400, 400),
    width=st.floats(0, 500),
    height=st.floats(0, 500),
    margin=st.floats(0.5, 2),
)
def test_any_box_gives_a_square(x: float, y: float, width: float, height: float, margin: float) -> None:
    assert crop_face(PICTURE, Box(x, y, width, height), 48, margin).shape == (48, 48)


def test_a_square_of_the_right_size_is_left_alone() -> None:
    face = to_grey(PICTURE)[:48, :48]
    assert shrink(face, 48) is face


def test_prepared_faces_have_mean_0_and_spread_1() -> None:
    prepared = prepare(to_grey(PICTURE)[:48, :48])
    assert prepared.shape == (1, 48, 48, 1)
    assert prepared.dtype == np.float32
    assert abs(float(prepared.mean())) < 1e-4
    assert abs(float(prepared.std()) - 1) < 1e-4


def test_light_and_contrast_do_not_matter() -> None:
    face = (to_grey(PICTURE)[:48, :48] // 4).astype(np.uint8)
    assert np.allclose(prepare(face), prepare((face * 3 + 20).astype(np.uint8)), atol=1e-4)


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_picture_without_contrast_becomes_zeros(level: int) -> None:
    assert not prepare(np.full((48, 48), level, np.uint8)).any()


def test_faint_noise_is_not_stretched_to_a_face() -> None:
    faint = np.random.default_rng(0).integers(100, 103, (48, 48), dtype=np.uint8)
    assert float(prepare(faint).std()) < 0.2
