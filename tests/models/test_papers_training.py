"""The papers' networks on tiny data: they learn, and each gives both splits. Runs where PyTorch is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytest.importorskip("soundfile")

from edge.readings import SAMPLE_RATE  # noqa: E402
from models.papers.features import frames_of, mfcc  # noqa: E402
from models.papers.fit import Outcome, standardised, trained  # noqa: E402
from models.papers.networks import Convolutional, Faces, Lstm  # noqa: E402
from models.papers.splits import at_random  # noqa: E402
from models.papers.systems import PEOPLE, RANDOM, Pixels, Voices, fused, ravdess_cnn, support_vectors  # noqa: E402


def test_features_have_their_shapes() -> None:
    sound = np.sin(2 * math.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    assert mfcc(sound).shape == (len(frames_of(sound)), 40)
    assert np.isfinite(mfcc(np.zeros(10, np.float32))).all()


def test_the_figures_are_what_they_are_by_hand() -> None:
    figures = Outcome(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 3).figures()
    assert figures["accuracy"] == 0.75
    assert figures["recall"] == pytest.approx((0.5 + 1) / 2)  # the third class does not occur
    assert figures["precision"] == pytest.approx((1 + 2 / 3) / 2)


def voices(count: int = 120) -> Voices:
    """Numbers of which the label is plain."""
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 7, count)
    values = draw.normal(0, 0.3, (count, 40)).astype(np.float32)
    values[np.arange(count), truth] += 4
    return Voices(values, truth, [f"p{number % 6}" for number in range(count)])


@pytest.mark.parametrize("make", [Lstm, lambda classes: Convolutional(40, classes)])
def test_a_few_steps_teach(make: type[Lstm]) -> None:
    torch.manual_seed(0)
    some_voices = voices()
    split = at_random(120)
    found = trained(make(7), standardised(some_voices.values, split[0]), some_voices.truth, split, epochs=8, batch=8)
    assert len(found.curve) == 8
    assert found.curve[-1][0] > found.curve[0][0]
    assert found.counts.sum() == 24


def test_every_system_gives_both_splits() -> None:
    found = ravdess_cnn(voices(), 1)
    assert set(found) == {RANDOM, PEOPLE}


@pytest.mark.parametrize("separable", [False, True])
def test_faces_give_features_for_support_vectors_and_fusion(separable: bool) -> None:
    draw = np.random.default_rng(0)
    truth = np.concatenate((np.arange(28) % 7, np.arange(14) % 7))
    pixels = Pixels(draw.normal(size=(42, 48, 48)).astype(np.float32), truth, (np.arange(28), np.arange(28, 42)))
    net = Faces(7, separable=separable)
    assert support_vectors(net, pixels).counts.sum() == 14
    found = fused(voices(60), pixels, net, 1)
    assert f"features joined, {PEOPLE}" in found
    assert f"decisions averaged, {RANDOM}" in found
