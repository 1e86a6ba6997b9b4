"""Cheap pixels are the same pixels: standardised within one step of the model's type, smaller without a shift."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.device import resources
from edge.face import crop, grid
from edge.face.pixels import halvable, resized, spread_of, standardised
from edge.inference import Model

MODELS = (("face", crop.LEAST_SPREAD, crop.prepare), ("finder", grid.LEAST_SPREAD, grid.prepare))


def picture(side: int, spread: float) -> NDArray[np.uint8]:
    random = np.random.default_rng(round(spread))
    smooth = cv2.GaussianBlur(random.normal(0.0, 1.0, (side, side)), (0, 0), 3.0)
    return np.asarray(np.clip(120 + spread * smooth / smooth.std(), 0, 255), np.uint8)


@pytest.mark.parametrize(("name", "least", "prepare"), MODELS)
@pytest.mark.parametrize("spread", [0.5, 3.0, 20.0, 60.0, 200.0])
def test_what_a_model_sees_is_within_a_step_of_the_float_picture(
    name: str, least: float, prepare: Any, spread: float
) -> None:
    model = Model(resources.models() / name)
    shown = picture(model.manifest.inputs[0].shape[1], spread)
    exact, cheap = model.quantised("image", prepare(shown)), standardised(model, shown, least)
    assert cheap.dtype == exact.dtype
    assert cheap.shape == exact.shape
    apart = np.abs(cheap.astype(int) - exact.astype(int))
    assert apart.max() <= 1
    assert apart.mean() < 0.01


def test_what_is_of_the_files_own_type_is_taken_as_it_is() -> None:
    model = Model(resources.models() / "face")
    shown = crop.prepare(picture(model.manifest.inputs[0].shape[1], 40.0))
    real, own = (model.run({"image": values})["logits"] for values in (shown, model.quantised("image", shown)))
    assert np.array_equal(real, own)


@pytest.mark.parametrize("side", [128, 160, 200, 256, 330, 512])
def test_smaller_pictures_lie_where_they_lay(side: int) -> None:
    """The brightest spot stays in its place, and flat ground stays flat."""
    shown = np.full((side, side), 90, np.uint8)
    assert (resized(shown, 128, 128) == 90).all()
    x, y = round(0.3 * side), round(0.6 * side)
    spot = np.zeros((side, side), np.uint8)
    cv2.circle(spot, (x, y), side // 12, 255, -1)
    found = cv2.moments(resized(spot, 128, 128))
    assert found["m10"] / found["m00"] == pytest.approx((x + 0.5) * 128 / side - 0.5, abs=0.3)
    assert found["m01"] / found["m00"] == pytest.approx((y + 0.5) * 128 / side - 0.5, abs=0.3)


def test_halves_are_exact() -> None:
    shown = picture(256, 50.0)
    mean = shown.reshape(128, 2, 128, 2).mean(axis=(1, 3))
    assert np.abs(resized(shown, 128, 128) - mean).max() <= 0.5


@pytest.mark.parametrize(("side", "expected"), [(100, 100), (257, 256), (330, 330), (331, 330), (515, 512)])
def test_sides_that_can_be_halved(side: int, expected: int) -> None:
    assert halvable(side, 128) == expected


def test_spread_is_the_standard_deviation() -> None:
    shown = picture(48, 30.0)
    assert spread_of(shown) == pytest.approx(float(shown.std()), rel=1e-6)
