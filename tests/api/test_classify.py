from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge import LABELS, Face, Speech
from edge.api.sound import as_mono, at_16_khz
from edge.capture.soundfiles import read_sound
from edge.errors import ModelError
from tests.helpers import media
from tests.helpers.stage import portrait


def test_faces_are_found_and_judged() -> None:
    picture = np.full((480, 640, 3), 90, np.uint8)
    picture[90:390, 170:470] = portrait()
    (found,) = Face().classify(picture)
    assert tuple(found.probabilities) == LABELS
    assert math.isclose(sum(found.probabilities.values()), 1.0, abs_tol=1e-5)
    assert found.probabilities[found.label] == found.confidence == max(found.probabilities.values())
    assert found.box is not None
    x, y, width, height = found.box
    assert 170 < x < x + width < 470
    assert 90 < y < y + height < 390
    assert found.quality > 0.5
    assert -1 <= found.valence <= 1
    assert -1 <= found.arousal <= 1


def test_nobody_is_an_empty_list_and_a_crop_is_a_face() -> None:
    face = Face()
    assert face.classify(np.full((200, 300), 90, np.uint8)) == []
    (found,) = face.classify(np.full((48, 48), 90, np.uint8), cropped=True)
    assert found.box is None


def test_a_model_of_ones_own_is_named_when_it_is_missing(tmp_path: Path) -> None:
    for kind in (Face, Speech):
        with pytest.raises(ModelError, match=str(tmp_path)):
            kind(tmp_path)


def test_a_voice_is_judged_whatever_its_format(tmp_path: Path) -> None:
    samples = read_sound(media.write_speech(tmp_path / "voice.wav"))
    speech = Speech()
    heard = speech.classify(samples)
    assert heard is not None
    assert tuple(heard.probabilities) == LABELS
    assert heard.voiced_s > 1.0
    whole = np.round(samples * 32768).astype(np.int16)  # the very samples of the file
    for same in (whole, np.stack((whole, whole), axis=1)):
        again = speech.classify(same)
        assert again is not None
        assert again.label == heard.label
        assert again.confidence == pytest.approx(heard.confidence, abs=0.05)


def test_silence_says_nothing() -> None:
    assert Speech().classify(np.zeros(48_000, np.int16), rate=48_000) is None


@pytest.mark.parametrize(
    ("given", "means"),
    [
        (np.array([-32768, 0, 16384], np.int16), [-1.0, 0.0, 0.5]),
        (np.array([-0.5, 0.25], np.float64), [-0.5, 0.25]),
        (np.array([[0.5, 0.0], [1.0, -1.0]], np.float32), [0.25, 0.0]),
    ],
)
def test_samples_of_every_kind(given: Any, means: list[float]) -> None:
    assert as_mono(given).tolist() == means
    assert as_mono(given).dtype == np.float32


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 2)), np.zeros(3, np.uint8), np.array(["a"])])
def test_what_is_no_sound_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="sound must be"):
        as_mono(wrong)


def test_another_rate_becomes_16_khz() -> None:
    assert len(at_16_khz(np.zeros(44_100, np.float32), 44_100)) == 16_000
