"""The face classifier answers for every picture, and says what is wrong with what it cannot take."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.device import resources
from edge.errors import ConfigError, ModelError
from edge.face.classify import FaceClassifier
from edge.readings import LABELS

RANDOM = np.random.default_rng(0)
FACE = RANDOM.integers(0, 256, (48, 48), dtype=np.uint8)


@pytest.fixture(scope="module")
def classifier() -> FaceClassifier:
    return FaceClassifier()


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((48, 48), np.uint8),
        np.full((48, 48), 255, np.uint8),
        np.full((48, 48, 3), 127, np.uint8),
        np.tile(np.array([[0, 255], [255, 0]], np.uint8), (24, 24)),
        RANDOM.integers(0, 256, (1, 1), dtype=np.uint8),
        RANDOM.integers(0, 256, (300, 200, 3), dtype=np.uint8),
        RANDOM.integers(0, 256, (7, 90), dtype=np.uint8),
    ],
    ids=["black", "white", "grey", "checkered", "one pixel", "large colour", "flat"],
)
def test_any_picture_has_a_distribution(classifier: FaceClassifier, crop: np.ndarray) -> None:  # type: ignore[type-arg]
    said = classifier.classify(crop)
    assert len(said) == len(LABELS)
    assert all(0 <= p <= 1 for p in said)
    assert sum(said) == pytest.approx(1)


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_picture_without_contrast_says_nothing(classifier: FaceClassifier, level: int) -> None:
    assert classifier.classify(np.full((56, 56), level, np.uint8)) == pytest.approx(
        [1 / len(LABELS)] * len(LABELS), abs=1e-4
    )


def test_the_same_picture_has_the_same_answer(classifier: FaceClassifier) -> None:
    assert classifier.classify(FACE) == classifier.classify(FACE)


def test_grey_as_colour_is_the_same_face(classifier: FaceClassifier) -> None:
    assert classifier.classify(np.dstack([FACE] * 3)) == classifier.classify(FACE)


def test_a_prior_multiplies_the_odds(classifier: FaceClassifier) -> None:
    sad, neutral = LABELS.index("sad"), LABELS.index("neutral")
    plain, shifted = classifier.classify(FACE), FaceClassifier(prior={"sad": 1.0}).classify(FACE)
    assert shifted[sad] / shifted[neutral] == pytest.approx(np.e * plain[sad] / plain[neutral], rel=1e-4)


def test_a_prior_for_an_unknown_label_is_refused() -> None:
    with pytest.raises(ConfigError, match="prior names bored"):
        FaceClassifier(prior={"bored": 1.0})


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((0, 5), np.uint8),
        np.zeros((48, 48), np.float32),
        np.full((48, 48), np.nan),
        np.zeros(48, np.uint8),
        np.zeros((48, 48, 4), np.uint8),
        np.zeros((1, 48, 48, 1), np.uint8),
    ],
    ids=["empty", "floats", "not a number", "a row", "four channels", "a batch"],
)
def test_what_is_no_picture_is_refused(classifier: FaceClassifier, crop: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(ValueError, match="8-bit pixels"):
        classifier.classify(crop)


def test_side_and_margin_come_from_the_manifest(classifier: FaceClassifier) -> None:
    preprocessing = json.loads((resources.models() / "face" / "manifest.json").read_text())["preprocessing"]
    assert (classifier.side, classifier.margin) == (preprocessing["side"], preprocessing["margin"])


def test_a_mirrored_answer_is_that_of_the_mirror_image(classifier: FaceClassifier) -> None:
    assert classifier.classify(FACE[:, ::-1], mirrored=True) == classifier.classify(FACE)


def test_both_ways_does_not_depend_on_the_way(classifier: FaceClassifier) -> None:
    assert classifier.classify_both_ways(FACE) == pytest.approx(classifier.classify_both_ways(FACE[:, ::-1]))


def test_probabilities_are_the_evidence_alone(classifier: FaceClassifier) -> None:
    powers = np.exp(classifier.evidence(FACE))
    assert classifier.classify(FACE) == pytest.approx(tuple(powers / powers.sum()), rel=1e-4)


def test_the_natural_prior_is_a_distribution(classifier: FaceClassifier) -> None:
    assert np.exp(classifier.natural_prior).sum() == pytest.approx(1, abs=0.01)
    assert LABELS[int(classifier.natural_prior.argmax())] == "neutral"


@pytest.mark.parametrize(
    ("prior", "complaint"),
    [
        ({}, "natural_prior is missing"),
        ({"neutral": -1.0}, "natural_prior must hold a number for each label"),
    ],
    ids=["none", "of one label"],
)
def test_a_model_that_does_not_say_its_prior_is_refused(
    tmp_path: Path, prior: dict[str, float], complaint: str
) -> None:
    _copy_with(tmp_path, natural_prior=prior)
    with pytest.raises(ModelError, match=complaint) as refused:
        FaceClassifier(tmp_path)
    assert "\n" not in str(refused.value)


def test_other_labels_are_refused(tmp_path: Path) -> None:
    _copy_with(tmp_path, labels=["happy", "sad"])
    with pytest.raises(ModelError, match="has the labels happy, sad"):
        FaceClassifier(tmp_path)


def test_a_manifest_without_margin_is_refused(tmp_path: Path) -> None:
    _copy_with(tmp_path, preprocessing={"side": 48})
    with pytest.raises(ModelError, match="lacks 'margin'"):
        FaceClassifier(tmp_path)


def _copy_with(folder: Path, **changes: object) -> None:
    shipped = resources.models() / "face"
    manifest = json.loads((shipped / "manifest.json").read_text()) | changes
    (folder / "manifest.json").write_text(json.dumps(manifest))
    shutil.copy(shipped / manifest["file"], folder)
