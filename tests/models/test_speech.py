"""The shipped speech model is what its papers say, and its recipe reads and varies data as it should."""

import hashlib
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import inference, resources
from edge.inference import read_manifest
from edge.readings import LABELS, SAMPLE_RATE, Samples
from edge.speech.classifier import Classifier
from edge.speech.frames import CHUNK
from edge.speech.whole import classify_clip
from models.speech import augment, parity
from models.speech.corpora import Clip, find_clips, thinned
from models.speech.dataset import FAR, answer_weights, class_index, mask_of

FOLDER = resources.models() / "speech"
DATA = os.environ.get("EMOTION_EDGE_DATA", "")


def logits(classifier: Classifier, samples: Samples) -> NDArray[np.float64]:
    classifier.begin()
    classifier.push(samples)
    return np.asarray(classifier.sums[:-1] / classifier.sums[-1])


def test_the_shipped_file_is_small_and_int8() -> None:
    manifest = read_manifest(FOLDER)
    content = (FOLDER / manifest.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) <= 300_000
    assert manifest.labels == LABELS
    assert {tensor.dtype for tensor in manifest.inputs + manifest.outputs} == {"int8"}


def test_the_metrics_are_those_of_the_shipped_file() -> None:
    measured, manifest = json.loads((FOLDER / "metrics.json").read_text()), read_manifest(FOLDER)
    assert measured["sha256"] == manifest.sha256
    assert manifest.metrics["accuracy"] == measured["held_out"]["ravdess"]["accuracy"]


def test_int8_stays_close_to_float() -> None:
    classifier = Classifier(FOLDER)
    answers = np.stack([logits(classifier, samples) for samples in parity.utterances()])
    difference = np.abs(answers - parity.read(FOLDER))
    assert difference.mean() < 0.25
    assert difference.max() < 1.2


def test_the_state_stays_bounded_and_fresh() -> None:
    classifier = Classifier(FOLDER)
    sound = parity.voice(200, 2.0)
    first = logits(classifier, sound)
    classifier.push(parity.voice(120, 6.0))
    assert np.array_equal(logits(classifier, sound), first)


@pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is None, reason="tflite-runtime is not installed beside ai-edge-litert"
)
def test_tflite_runtime_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    from tflite_runtime.interpreter import Interpreter

    ours = Classifier(FOLDER)
    monkeypatch.setattr(inference, "_interpreter_class", lambda: Interpreter)
    theirs = Classifier(FOLDER)
    for samples in parity.utterances():
        assert logits(theirs, samples) == pytest.approx(logits(ours, samples), abs=0.3)


def test_names_of_every_corpus_are_understood(tmp_path: Path) -> None:
    names = {
        "RAVDESS/Actor_02/03-01-02-01-01-01-02.wav": ("ravdess-02", "calm", 0),
        "RAVDESS/Actor_03/03-01-08-02-01-01-03.wav": ("ravdess-03", "surprised", 1),
        "ravdess/Actor_01/03-01-05-01-01-01-01.wav": ("ravdess-01", "angry", None),
        "TESS Toronto/OAF_Fear/OAF_back_fear.wav": ("tess-OAF", "fearful", 0),
        "TESS Toronto/YAF_pleasant_surprised/YAF_back_ps.wav": ("tess-YAF", "surprised", 1),
        "emovo/dis-m3-b1.wav": ("emovo-m3", "disgusted", 3),
        "BanglaSER/03-01-03-02-01-01-06.wav": ("banglaser-06", "angry", 2),
    }
    for name in (*names, "RAVDESS/Actor_02/03-02-02-01-01-01-02.wav", "emovo/readme.wav", "other/OAF_back_sad.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {
        clip.path.relative_to(tmp_path).as_posix(): (clip.speaker, clip.emotion, clip.fold())
        for clip in find_clips(tmp_path)
    }
    assert found == names


def test_tess_is_thinned_by_word() -> None:
    clips = [
        Clip(Path(f"{who}_w{n}_sad.wav"), "tess", f"tess-{who}", "sad") for n in range(200) for who in ("OAF", "YAF")
    ]
    kept = [clip.path.stem.split("_")[1] for clip in thinned(clips, 0.3)]
    assert 80 < len(kept) < 160
    assert all(kept.count(word) == 2 for word in kept)


def test_calm_counts_as_neutral_and_missing_classes_are_no_evidence() -> None:
    calm = Clip(Path("x"), "ravdess", "ravdess-02", "calm")
    assert class_index(calm, LABELS) == LABELS.index("neutral")
    assert class_index(calm, (*LABELS, "calm")) == 7
    assert not mask_of(calm, (*LABELS, "calm")).any()
    bengali = mask_of(Clip(Path("x"), "banglaser", "banglaser-01", "sad"), LABELS)
    assert [label for label, far in zip(LABELS, bengali, strict=True) if far == FAR] == ["fearful", "disgusted"]


def test_answers_count_from_the_first_reading_on() -> None:
    weights = answer_weights(50, 80)
    assert weights.sum() == pytest.approx(1)
    assert not weights[:12].any()
    assert not weights[50:].any()
    assert weights[49] > 0.5


def test_degrading_keeps_length_and_does_what_it_says() -> None:
    draw = np.random.default_rng(0)
    sound = parity.voice(150, 1.0)
    assert len(augment.at_speed(sound, 1.25)) == pytest.approx(0.8 * len(sound), abs=2)
    louder = augment.at_level(sound, -30)
    assert 10 * np.log10(np.mean(louder**2)) == pytest.approx(-30, abs=0.1)
    noisy = augment.with_noise(sound, augment.hiss(draw), 10, draw)
    loud = sound[sound**2 >= np.median(sound**2)]
    assert 10 * np.log10(np.mean(loud**2) / np.mean((noisy - sound) ** 2)) == pytest.approx(10, abs=0.1)
    for _ in range(10):
        degraded = augment.for_training(sound, [augment.hiss(draw)], draw)
        assert len(degraded) == len(sound)
        assert np.isfinite(degraded).all()
        assert np.abs(degraded).max() <= 1


def test_a_chunk_is_a_tenth_of_a_second() -> None:
    tensor = next(tensor for tensor in read_manifest(FOLDER).inputs if tensor.name == "features")
    assert tensor.shape[1] == CHUNK == SAMPLE_RATE // 10 // 160


@pytest.mark.skipif(not DATA, reason="EMOTION_EDGE_DATA does not name a folder of real recordings")
def test_real_recordings_are_heard_and_mostly_understood() -> None:
    from models.speech.recordings import read_clip

    clips = find_clips(Path(DATA), ("ravdess",))[::40]
    if not clips:
        pytest.skip(f"no RAVDESS clips below {DATA}")
    classifier = Classifier(FOLDER)
    answers = [classify_clip(read_clip(clip.path), classifier=classifier).probabilities for clip in clips]
    heard = [(clip, answer) for clip, answer in zip(clips, answers, strict=True) if answer is not None]
    assert len(heard) >= 0.95 * len(clips)
    right = [class_index(clip, LABELS) == int(np.argmax(answer)) for clip, answer in heard]
    assert np.mean(right) >= 0.5  # of speakers it was trained on: a floor against breakage, no figure of merit
