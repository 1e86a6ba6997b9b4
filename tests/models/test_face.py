"""The shipped face model is what its papers say, and its recipe reads and varies data as it should."""

import csv
import hashlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.device import resources
from edge.face.classify import FaceClassifier
from edge.face.crop import prepare
from edge.inference import Model, quantise, read_manifest
from edge.readings import LABELS
from models.common import calibration, metrics, rates
from models.face import augment, batches, choice, data, measure, parity, pretrained, targets
from models.face.lessons import lessons

FOLDER = resources.models() / "face"
COUNTS = {"neutral": 0, "happiness": 1, "surprise": 6, "sadness": 2, "anger": 3, "disgust": 5, "fear": 4}


def test_the_shipped_file_is_small_and_int8() -> None:
    manifest = read_manifest(FOLDER)
    content = (FOLDER / manifest.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) <= 1_200_000
    assert {tensor.dtype for tensor in manifest.inputs + manifest.outputs} == {"int8"}


def test_the_metrics_are_those_of_the_shipped_file() -> None:
    measured, manifest = json.loads((FOLDER / "metrics.json").read_text()), read_manifest(FOLDER)
    assert measured["sha256"] == manifest.sha256
    strict = measured["public_test"]["ferplus_strict_accuracy"]["value"]
    assert manifest.metrics["accuracy"] == pytest.approx(strict, abs=1e-4)


def test_int8_stays_close_to_float() -> None:
    model = FaceClassifier()
    quantised = np.stack([model.logits(face) for face in parity.drawings()])
    difference = np.abs(quantised - parity.read(FOLDER))
    assert difference.mean() < 0.15
    assert difference.max() < 0.6


@pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is None, reason="tflite-runtime is not installed beside ai-edge-litert"
)
def test_tflite_runtime_agrees() -> None:
    from tflite_runtime.interpreter import Interpreter

    manifest, model = read_manifest(FOLDER), Model(FOLDER)
    other = Interpreter(model_content=(FOLDER / manifest.file).read_bytes())
    other.allocate_tensors()
    taken, given = other.get_input_details()[0]["index"], other.get_output_details()[0]["index"]
    for face in parity.drawings():
        other.set_tensor(taken, quantise(prepare(face), manifest.inputs[0]))
        other.invoke()
        ours = quantise(model.run({"image": prepare(face)})["logits"], manifest.outputs[0]).astype(int)
        assert np.abs(other.get_tensor(given).astype(int) - ours).max() <= 2


def test_the_kaggle_layout_is_read_and_cleaned(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 48, 48))
    images[1] = images[5]  # leaks into PublicTest
    images[3] = images[2]  # a copy within Training
    usage = ["Training"] * 5 + ["PublicTest"]
    with (tmp_path / "fer2013.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        writer.writerows(
            [3, " ".join(map(str, image.ravel())), part] for image, part in zip(images, usage, strict=True)
        )
    with (tmp_path / "fer2013new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *data.VOTES])
        names = ["a", "b", "c", "d", "", "f"]  # the fifth is no face to FER+
        writer.writerows([part, name, 1, 7, 0, 0, 0, 0, 0, 1, 1, 0] for part, name in zip(usage, names, strict=True))

    training = data.load(data.find(tmp_path), "Training")
    assert len(training) == 3
    assert np.array_equal(training.images, images[[0, 2, 3]])
    assert training.group[1] == training.group[2] != training.group[0]
    assert set(training.label) == {LABELS.index("happy")}
    assert len(data.load(tmp_path, "PublicTest")) == 1
    clear, majority = data.strict_majority(training)
    assert clear.all()
    assert set(majority) == {LABELS.index("happy")}


def test_a_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="neither fer2013"):
        data.find(tmp_path)


def test_votes_come_in_the_order_of_the_labels() -> None:
    faces = _faces(np.array([[COUNTS.get(name, 0) for name in data.VOTES]]))
    assert dict(zip(LABELS, faces.seven[0], strict=True)) == {
        "neutral": 0, "happy": 1, "sad": 2, "angry": 3, "fearful": 4, "disgusted": 5, "surprised": 6
    }  # fmt: skip


def test_targets_are_distributions_and_doubtful_faces_count_less() -> None:
    votes = np.zeros((2, 10))
    votes[0, 0], votes[1, 0], votes[1, 7] = 10, 5, 5  # half of the second say contempt
    faces = _faces(votes)
    assert np.allclose(targets.soft(faces, "ferplus").sum(axis=1), 1)
    assert targets.weights(faces, "ferplus").tolist() == [1.0, 0.5]


def test_copies_stay_on_one_side_of_the_split() -> None:
    faces = _faces(np.ones((100, 10)), group=np.arange(100) // 2)
    learn, check = data.split(faces, 0.2, seed=0)
    assert len(check) == 20
    assert not set(learn.group) & set(check.group)


def test_rare_classes_are_drawn_more_often() -> None:
    wanted = np.eye(7, dtype=np.float32)[[0] * 90 + [5] * 10]
    order = batches.draw(batches.chances(wanted), np.random.default_rng(0))
    assert len(order) == 100
    assert 10 < int((order >= 90).sum()) < 50


def test_batches_repeat_with_the_seed_and_are_prepared_like_in_the_service() -> None:
    first, again = _batches(epoch=1), _batches(epoch=1)
    assert len(first) == 2
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.pictures, other.pictures)
        assert one.pictures.shape == (4, 1, 48, 48)
        assert np.allclose(one.pictures.mean(axis=(1, 2, 3)), 0, atol=1e-4)
    assert not np.array_equal(first[0].pictures, _batches(epoch=2)[0].pictures)


def test_a_student_hears_the_teacher_more_than_the_labels(tmp_path: Path) -> None:
    stream = _batches(epoch=0)
    for plain, taught in zip(stream, _lessons(stream, tmp_path / "answers.npy", epoch=0), strict=True):
        said, label = taught.targets["ferplus"][:, 6], plain.targets["ferplus"][:, 6]
        assert np.allclose(taught.targets["ferplus"].sum(axis=1), 1)
        assert (np.abs(said - 1) < np.abs(said - label) + 1e-6)[label == 0].all()


def test_a_teacher_is_asked_once_and_pictures_are_mirrored_at_random(tmp_path: Path) -> None:
    stream, kept = _batches(epoch=0), tmp_path / "answers.npy"
    first = _lessons(stream, kept, epoch=0)
    again = _lessons(stream, kept, epoch=1, teacher=None)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.targets["ferplus"], other.targets["ferplus"])
    sides = [
        np.array_equal(seen, picture) or not np.array_equal(seen, picture[..., ::-1])
        for plain, batch in zip(stream, first, strict=True)
        for picture, seen in zip(plain.pictures, batch.pictures, strict=True)
    ]
    assert 0 < sum(sides) < len(sides)


def test_a_further_round_begins_from_half_the_height() -> None:
    heights = [rates.slope(step, 1000) for step in range(2000)]
    assert max(heights[:1000]) == pytest.approx(1.0)
    assert heights[999] < 0.001
    assert max(heights[1000:]) == pytest.approx(0.5)
    assert heights[1999] < 0.001


def test_weights_of_the_teacher_that_are_not_those_expected_are_refused(tmp_path: Path) -> None:
    for name in ("faceres-deep.json", "faceres-deep.bin"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(SystemExit, match="not the file"):
        pretrained.tensors(tmp_path)


def test_the_least_of_the_prior_is_put_back_with_which_accuracy_reaches_its_aim() -> None:
    random = np.random.default_rng(0)
    natural = np.log(np.array([0.7, *[0.05] * 6], np.float32))

    def logits_for(truth: np.ndarray, noise: float) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(3 * np.eye(7)[truth] + random.normal(0, noise, (len(truth), 7)), np.float32)

    even, common = random.integers(0, 7, 700), random.choice(7, 3000, p=np.exp(natural))
    assert choice.choose_share(even, logits_for(even, 0.8), natural) == 0.0
    shares = [choice.choose_share(common, logits_for(common, noise), natural) for noise in (0.8, 1.2)]
    assert shares[0] == 0.0
    assert 0.1 < shares[1] < 0.9
    wrong = logits_for(even, 2.0)  # the aim is out of reach, and no prior is right
    assert choice.choose_share(even, wrong, natural) < 0.3
    assert choice.choose_share(even, np.asarray(wrong - natural), natural) > 0.7
    with_own, with_others = choice.reached(even, wrong), choice.reached_by_others(even, wrong, natural)
    assert with_others == pytest.approx(with_own, abs=0.05)


def test_augmented_faces_stay_faces_of_their_size() -> None:
    random = np.random.default_rng(0)
    face = random.integers(0, 256, (48, 48), dtype=np.uint8)
    for _ in range(50):
        varied = augment.augment(face, random)
        assert varied.shape == face.shape
        assert varied.dtype == np.uint8


def test_the_temperature_that_made_the_answers_is_found() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 5))
    truth = np.array([random.choice(5, p=row) for row in calibration.softmax(logits, 1.7)])
    assert calibration.fit_temperature(truth, logits) == pytest.approx(1.7, abs=0.08)


def test_macro_recall_counts_classes_alike_and_leaves_out_small_ones() -> None:
    truth = np.array([0] * 8 + [1] * 2 + [2])
    predicted = np.array([0] * 8 + [1, 0] + [0])
    assert metrics.macro_recall(truth, predicted, 3, at_least=2) == pytest.approx(0.75)
    assert metrics.macro_recall(truth, predicted, 3) == pytest.approx(0.5)


def test_confident_and_right_is_well_calibrated() -> None:
    said = np.array([[0.8, 0.2]] * 10)
    assert metrics.expected_calibration_error(np.array([0] * 8 + [1] * 2), said) == pytest.approx(0)
    assert metrics.expected_calibration_error(np.array([0] * 10), said) == pytest.approx(0.2)


def test_the_area_under_the_curve_counts_pairs() -> None:
    positive = np.array([True, True, False, False])
    assert metrics.roc_area(positive, np.array([0.9, 0.4, 0.4, 0.1])) == pytest.approx(0.875)


def test_a_floor_of_accuracy_on_real_faces() -> None:
    where = os.environ.get("EMOTION_EDGE_DATA")
    if not where:
        pytest.skip("EMOTION_EDGE_DATA does not name a folder with FER2013")
    try:
        folder = data.find(Path(where))
    except SystemExit as reason:
        pytest.skip(str(reason))
    faces = data.load(folder, "PublicTest")
    clear, majority = data.strict_majority(faces)
    chosen = np.flatnonzero(clear)[:800]
    predicted = measure.probabilities(FaceClassifier(), faces.images[chosen]).argmax(axis=1)
    assert metrics.accuracy(majority[chosen], predicted) > 0.82
    assert metrics.macro_recall(majority[chosen], predicted, len(LABELS), at_least=10) > 0.75


def _batches(epoch: int) -> list[batches.Batch]:
    images = np.random.default_rng(0).integers(0, 256, (8, 48, 48), dtype=np.uint8)
    wanted = {"ferplus": np.eye(7, dtype=np.float32)[np.arange(8) % 7]}
    counts, chance = {"ferplus": np.ones(8, np.float32)}, batches.chances(wanted["ferplus"])
    return list(batches.batches(images, wanted, counts, chance, size=4, seed=3, epoch=epoch))


def _always_surprised(shown: batches.Floats) -> batches.Floats:
    return np.asarray(np.eye(7)[np.full((1, len(shown)), 6)], np.float32)


def _lessons(
    stream: list[batches.Batch],
    kept: Path,
    epoch: int,
    teacher: Callable[[batches.Floats], batches.Floats] | None = _always_surprised,
) -> list[batches.Batch]:
    def forbidden(_: batches.Floats) -> batches.Floats:
        raise AssertionError("asked again")

    return list(lessons(stream, teacher or forbidden, kept, np.random.default_rng(epoch)))


def _faces(votes: np.ndarray, group: np.ndarray | None = None) -> data.Faces:  # type: ignore[type-arg]
    items = len(votes)
    return data.Faces(
        images=np.zeros((items, 48, 48), np.uint8),
        label=np.zeros(items, np.int64),
        votes=votes.astype(np.float32),
        group=np.arange(items) if group is None else group,
    )
