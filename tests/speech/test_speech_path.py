"""Sound in, readings out: the same however it is cut, bounded, and honest where nobody speaks."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device import resources
from edge.errors import ModelError
from edge.inference import read_manifest
from edge.readings import LABELS, SAMPLE_RATE, Samples, Sound, SpeechReading
from edge.speech import voice_detector
from edge.speech.batch import ClipClassifier
from edge.speech.classifier import Certainty
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings
from tests.helpers.speech import model_with
from tests.speech.sounds import hum, noise, silence, talk

TALK = talk(3.0)


@pytest.fixture(scope="module")
def path() -> SpeechPath:
    return SpeechPath(SpeechSettings())


def said(path: SpeechPath, samples: Samples, cuts: tuple[int, ...] = (), start: float = 100.0) -> list[SpeechReading]:
    path.reset()
    readings, at = [], 0
    for part in np.split(samples, sorted(cuts)):
        readings += path.process(Sound(start + at / SAMPLE_RATE, part))
        at += len(part)
    return readings + path.finish()


def voiced(readings: list[SpeechReading]) -> list[SpeechReading]:
    return [reading for reading in readings if reading.probabilities is not None]


def test_a_voice_is_read_every_half_second(path: SpeechPath) -> None:
    readings = voiced(said(path, TALK))
    assert 3 <= len(readings) <= 8
    for reading in readings:
        assert reading.probabilities is not None
        assert len(reading.probabilities) == len(LABELS)
        assert sum(reading.probabilities) == pytest.approx(1)
        assert 0 < reading.quality <= 1
        assert reading.snr_db > 20
        assert 0.5 < reading.voiced <= 1
        assert 101 < reading.time <= 104.5
        assert reading.segment >= 1
    gaps = np.diff([reading.time for reading in readings if reading.segment == readings[0].segment])
    assert all(gap >= 0.45 for gap in gaps[:-1])


def test_a_reset_forgets_all_and_loads_nothing_again(path: SpeechPath, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = said(SpeechPath(SpeechSettings()), TALK)
    monkeypatch.setattr(voice_detector, "_silero", None)
    said(path, np.concatenate((hum(2.0), TALK, noise(1.0))))
    assert said(path, TALK) == fresh


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, len(TALK)), max_size=20))
def test_cutting_the_sound_changes_nothing(cuts: list[int]) -> None:
    path = SpeechPath(SpeechSettings())
    whole, cut = said(path, TALK), said(path, TALK, tuple(cuts))
    assert [reading.probabilities for reading in cut] == [reading.probabilities for reading in whole]
    assert [reading.time for reading in cut] == pytest.approx([reading.time for reading in whole])


def test_samples_may_come_one_by_one(path: SpeechPath) -> None:
    short = TALK[SAMPLE_RATE : SAMPLE_RATE + 4000]
    path.reset()
    for number, sample in enumerate(short):
        path.process(Sound(number / SAMPLE_RATE, sample[None]))
    assert voiced(path.finish()) == voiced(said(path, short))


@pytest.mark.parametrize("sound", [silence(3.2), noise(3.2), hum(3.2)], ids=["silence", "noise", "hum"])
def test_nobody_speaks_is_said_once_a_second(path: SpeechPath, sound: Samples) -> None:
    readings = said(path, sound)
    assert [reading.time for reading in readings] == pytest.approx([101.02, 102.05, 103.07], abs=0.03)
    assert all(reading.probabilities is None and reading.voiced == 0 for reading in readings)


def test_a_minute_says_what_its_parts_say_where_nothing_is_learned_of_a_voice(tmp_path: Path) -> None:
    path = SpeechPath(SpeechSettings(), model_with(tmp_path, expected=None))
    parts = [np.concatenate((talk(3.0, seed), noise(1.4, 0.0005, seed))) for seed in range(8)]
    parts = [part[: len(part) // 512 * 512] for part in parts]
    whole = voiced(said(path, np.concatenate(parts)))
    single = [voiced(said(path, part)) for part in parts]
    apart = [reading for readings in single for reading in readings]
    assert len(whole) == len(apart) > 20
    differences = [
        float(np.abs(np.array(one.probabilities) - np.array(other.probabilities)).max())
        for one, other in zip(whole, apart, strict=True)
    ]
    # The same segment gives the same answer to the bit. The detector, which knows the room by then, may cut a few of
    # them a step elsewhere; their answers move.
    assert np.mean(np.array(differences) == 0) > 0.7
    assert np.mean(differences) < 0.05


def test_the_state_begins_anew_with_each_segment() -> None:
    path = SpeechPath(SpeechSettings(max_segment_s=1.5))
    readings = voiced(said(path, talk(6.0)))
    assert len({reading.segment for reading in readings}) >= 4


@pytest.mark.parametrize("jump", [1.0, -30.0])
def test_a_gap_ends_the_segment(path: SpeechPath, jump: float) -> None:
    path.reset()
    before = path.process(Sound(0.0, TALK[: 3 * SAMPLE_RATE]))
    after = path.process(Sound(3.0 + jump, TALK[2 * SAMPLE_RATE :])) + path.finish()
    segments = [reading.segment for reading in voiced(before + after)]
    assert len(set(segments)) >= 2
    assert all(reading.time >= 3.0 + jump for reading in voiced(after)[1:])


def test_a_wandering_clock_is_no_gap(path: SpeechPath) -> None:
    path.reset()
    readings = []
    for number, part in enumerate(np.array_split(TALK, 40)):
        readings += path.process(Sound(number * len(TALK) / 40 / SAMPLE_RATE + 0.02 * (number % 2), part))
    readings += path.finish()
    assert [r.probabilities for r in voiced(readings)] == [r.probabilities for r in voiced(said(path, TALK))]


def test_loud_is_not_angry(path: SpeechPath) -> None:
    quiet = voiced(said(path, (0.02 * TALK).astype(np.float32)))[-1]
    loud = voiced(said(path, (2.0 * TALK).astype(np.float32)))[-1]
    assert loud.probabilities == pytest.approx(quiet.probabilities, abs=0.05)


def test_noise_lowers_quality(path: SpeechPath) -> None:
    clean = voiced(said(path, TALK))
    dirty = voiced(said(path, TALK + noise(5.0, 0.02)))
    assert max(reading.quality for reading in dirty) < max(reading.quality for reading in clean)


def test_the_prior_moves_the_answer() -> None:
    plain, moved = SpeechPath(SpeechSettings()), SpeechPath(SpeechSettings(prior={"angry": 2.0}))
    angry = LABELS.index("angry")
    for one, other in zip(voiced(said(plain, TALK)), voiced(said(moved, TALK)), strict=True):
        assert one.probabilities is not None
        assert other.probabilities is not None
        assert other.probabilities[angry] > one.probabilities[angry]


def test_clipped_and_constant_sound_is_survived(path: SpeechPath) -> None:
    for sound in (np.sign(TALK), np.ones_like(TALK), np.clip(50 * TALK, -1, 1), np.full_like(TALK, np.nan)):
        for reading in said(path, sound.astype(np.float32)):
            assert reading.probabilities is None or np.isfinite(reading.probabilities).all()


def test_nothing_at_all(path: SpeechPath) -> None:
    path.reset()
    assert path.finish() == []
    assert path.process(Sound(0.0, silence(0))) == []
    assert path.process(Sound(0.0, np.ones(1, np.float32))) == []
    assert path.finish() == []


def test_stereo_is_a_mistake(path: SpeechPath) -> None:
    path.reset()
    with pytest.raises(ValueError, match="one row"):
        path.process(Sound(0.0, np.zeros((100, 2), np.float32)))


def test_a_whole_clip() -> None:
    result = ClipClassifier().classify(TALK)
    assert result.probabilities is not None
    assert sum(result.probabilities) == pytest.approx(1)
    assert 2 < result.voiced_s < 3.5
    again = ClipClassifier(settings=SpeechSettings(prior={"sad": 20.0})).classify(TALK)
    assert again.probabilities is not None
    assert np.argmax(again.probabilities) == LABELS.index("sad")


@pytest.mark.parametrize("sound", [silence(2), noise(2), silence(0), np.ones(1, np.float32)])
def test_a_clip_without_voice(sound: Samples) -> None:
    result = ClipClassifier().classify(sound)
    assert result.probabilities is None
    assert result.voiced_s == 0


def test_a_manifest_of_another_model_is_refused(tmp_path: Path) -> None:
    shipped = resources.models() / "speech"
    manifest = read_manifest(shipped)
    shutil.copy(shipped / manifest.file, tmp_path / manifest.file)
    wrong = msgspec.structs.replace(manifest, preprocessing={**manifest.preprocessing, "mean": [1.0]})
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(wrong))
    with pytest.raises(ModelError, match=r"preprocessing\.mean"):
        SpeechPath(SpeechSettings(), tmp_path)
    wrong = msgspec.structs.replace(manifest, labels=("a", "b"))
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(wrong))
    with pytest.raises(ModelError, match="knows"):
        SpeechPath(SpeechSettings(), tmp_path)


def test_little_heard_says_little() -> None:
    """The same logits make a reading less sure after half a second than after four; with files of before, as sure."""
    certainty = Certainty(2.0, brevity=6.0)
    assert certainty.after(6) == 4
    assert certainty.after(50) == pytest.approx(2.24)
    assert Certainty(2.0).after(6) == Certainty(2.0).after(50) == 2


@pytest.mark.parametrize("brevity", [-1, 2000, "6", None, True])
def test_a_brevity_that_is_none_is_refused(tmp_path: Path, brevity: object) -> None:
    shipped = resources.models() / "speech"
    manifest = read_manifest(shipped)
    shutil.copy(shipped / manifest.file, tmp_path / manifest.file)
    wrong = msgspec.structs.replace(manifest, preprocessing={**manifest.preprocessing, "brevity": brevity})
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(wrong))
    with pytest.raises(ModelError, match=r"preprocessing\.brevity"):
        SpeechPath(SpeechSettings(), tmp_path)


def test_a_model_of_the_version_before_is_refused_in_one_line(tmp_path: Path) -> None:
    shipped = resources.models() / "speech"
    manifest = read_manifest(shipped)
    shutil.copy(shipped / manifest.file, tmp_path / manifest.file)
    older = tuple(tensor for tensor in manifest.inputs if tensor.name != "bands")
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, inputs=older)))
    with pytest.raises(ModelError) as refused:
        SpeechPath(SpeechSettings(), tmp_path)
    assert "another version" in str(refused.value) or "not those of its manifest" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_detector_is_loaded_and_reset_once_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    resets: list[int] = []

    class Counting:
        def reset(self) -> None:
            resets.append(1)

    monkeypatch.setattr(voice_detector, "_silero", Counting)
    path = SpeechPath(SpeechSettings())
    assert len(resets) == 0
    path.reset()
    assert len(resets) == 1
