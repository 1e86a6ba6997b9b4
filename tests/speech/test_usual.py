"""What a voice is like whatever it feels is learned from its segments, and forgotten with it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import ModelError
from edge.inference import Floats
from edge.readings import LABELS, SAMPLE_RATE, Probabilities, Samples, Sound
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings
from edge.speech.usual import Usual
from edge.speech.voice_detector import STEP
from tests.helpers.speech import model_with
from tests.speech.sounds import noise, silence, talk

ANGRY = LABELS.index("angry")
EXPECTED = np.random.default_rng(0).normal(0, 1, (len(LABELS), 12)).astype(np.float32)
OWN = np.linspace(-1, 1, 12, dtype=np.float32)


def sure_of(label: int) -> Floats:
    sure: Floats = (20 * np.eye(len(LABELS))[label]).astype(np.float32)
    return sure


def after(segments: int, label: int, own: Floats, usual: Usual | None = None) -> Usual:
    usual = usual or Usual.nothing(12)
    for _ in range(segments):
        usual = usual.after(EXPECTED[label] + own, sure_of(label), 30.0, EXPECTED)
    return usual


def test_nothing_is_taken_off_before_anything_is_known() -> None:
    assert not Usual.nothing(12).offset.any()


@pytest.mark.parametrize("label", [0, ANGRY])
def test_what_is_left_beyond_a_feeling_is_learned_whatever_the_feeling(label: int) -> None:
    assert after(20, label, OWN).offset == pytest.approx(0.6 * OWN, abs=0.02)
    assert after(20, label, 0 * OWN).offset == pytest.approx(0 * OWN, abs=0.01)


def test_a_first_segment_is_believed_in_part() -> None:
    first = after(1, 0, OWN).offset
    assert first == pytest.approx(30 / 42 * 0.6 * OWN, abs=0.01)


def test_an_answer_that_is_open_is_taken_for_neutral_rather() -> None:
    usual = Usual.nothing(12).after(EXPECTED[0], np.zeros(len(LABELS), np.float32), 30.0, EXPECTED)
    others = EXPECTED[1:].mean(axis=0)
    share = np.exp(1.5) / (np.exp(1.5) + 6)
    assert usual.away == pytest.approx((1 - share) * (EXPECTED[0] - others), abs=1e-4)


def test_somebody_else_is_known_after_a_minute_of_talk() -> None:
    other = after(50, 0, -OWN, after(500, 0, OWN))  # half a minute of states for either
    assert other.offset == pytest.approx(0.6 * -OWN, abs=0.2)


def said(path: SpeechPath, samples: Samples, start: float) -> list[Probabilities]:
    readings = path.process(Sound(start, samples))
    return [one.probabilities for one in readings if one.probabilities is not None]


def sentence() -> Samples:
    sound = np.concatenate((talk(3.0, 1), noise(1.5, 0.0005)))
    return sound[: len(sound) // STEP * STEP]


def test_the_path_learns_from_a_sentence_and_forgets_after_a_minute_without_a_voice() -> None:
    path, heard = SpeechPath(SpeechSettings()), sentence()
    seconds = len(heard) / SAMPLE_RATE
    first, second = said(path, heard, 0.0), said(path, heard, seconds)
    soon, later = said(path, heard, 3 * seconds), said(path, heard, 4 * seconds + 61.0)
    assert len(first) == len(second) == len(later) > 2
    assert second != first
    assert soon != first
    assert later == first


@pytest.mark.parametrize("end", [SpeechPath.reset, SpeechPath.finish])
def test_what_begins_anew_knows_no_voice(end: Callable[[SpeechPath], object]) -> None:
    path, heard = SpeechPath(SpeechSettings()), sentence()
    first = said(path, heard, 0.0)
    end(path)
    assert said(path, heard, 100.0) == first


def test_a_minute_of_silence_is_a_minute_without_a_voice() -> None:
    path, heard = SpeechPath(SpeechSettings()), sentence()
    first = said(path, heard, 0.0)
    seconds = len(heard) / SAMPLE_RATE
    for number in range(62):
        assert said(path, silence(1.024), seconds + 1.024 * number) == []
    again = said(path, heard, seconds + 62 * 1.024)
    assert np.abs(np.array(again[-1]) - np.array(first[-1])).max() < 0.1  # the room has become quieter


def test_a_model_that_does_not_say_what_is_expected_learns_nothing(tmp_path: Path) -> None:
    path, heard = SpeechPath(SpeechSettings(), model_with(tmp_path, expected=None)), sentence()
    first = said(path, heard, 0.0)
    assert said(path, heard, len(heard) / SAMPLE_RATE) == first


def test_expectations_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = model_with(tmp_path, expected=[0.0, 1.0])
    with pytest.raises(ModelError, match=r"preprocessing\.expected"):
        SpeechPath(SpeechSettings(), folder)
