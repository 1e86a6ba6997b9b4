"""The shipped face model is what its papers say, and its recipe reads and varies data as it should."""

import csv
import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.device import resources
from edge.face.classify import FaceClassifier
from edge.face.crop import prepare, shrink
from edge.inference import Model, quantise, read_manifest
from edge.readings import LABELS, Box, FoundFace
from models.common import calibration, metrics, rates
from models.face import (
    data,
    degrade,
    framing,
    material,
    measure,
    parity,
    predecessor,
    pretrained,
    sets,
    shape,
    streams,
    targets,
)

FOLDER = resources.models() / "face"
COUNTS = {"neutral": 0, "happiness": 1, "surprise": 6, "sadness": 2, "anger": 3, "disgust": 5, "fear": 4}


def test_the_shipped_file_is_small_and_int8() -> None:
    manifest = read_manifest(FOLDER)
    content = (FOLDER / manifest.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) <= 1_300_000
    assert shape.multiply_adds() <= 60_000_000
    assert manifest.inputs[0].shape == (1, shape.SIDE, shape.SIDE, 1)
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
        shown = prepare(shrink(face, manifest.inputs[0].shape[1]))
        other.set_tensor(taken, quantise(shown, manifest.inputs[0]))
        other.invoke()
        ours = quantise(model.run({"image": shown})["logits"], manifest.outputs[0]).astype(int)
        theirs = other.get_tensor(given).astype(int)
        assert np.abs(theirs - ours).max() <= 4, "the smallest steps of an answer"
        assert theirs.argmax() == ours.argmax()


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
    assert np.allclose(targets.of_votes(faces).sum(axis=1), 1)
    assert targets.weights(faces).tolist() == [1.0, 0.5]
    of_labels = targets.of_labels("expw", np.array([0, 5]))
    assert np.allclose(of_labels.sum(axis=1), 1)
    assert of_labels.argmax(axis=1).tolist() == [0, 5]


def test_copies_stay_on_one_side_of_the_split() -> None:
    faces = _faces(np.ones((100, 10)), group=np.arange(100) // 2)
    learn, check = data.split(faces, 0.2, seed=0)
    assert len(check) == 20
    assert not set(learn.group) & set(check.group)


def test_rare_classes_are_drawn_more_often() -> None:
    learned = _learned([0] * 90 + [5] * 10)
    order = material.draw(learned.turns, np.random.default_rng(0))
    assert len(order) == round(float(learned.turns.sum()))
    assert 0.1 < (order >= 90).mean() < 0.5


def test_every_face_is_drawn_its_number_of_times() -> None:
    order = material.draw(np.array([0.5, 2.0, 1.0, 2.5]), np.random.default_rng(3))
    counts = np.bincount(order, minlength=4)
    assert counts.sum() == 6
    assert (np.abs(counts - [0.5, 2.0, 1.0, 2.5]) < 1).all()


def test_a_set_learns_with_the_prior_of_what_is_drawn_of_it() -> None:
    learned = _learned([0] * 30 + [1] * 10, of_set=[1] * 40)
    prior = np.exp(learned.priors[1])
    assert prior[0] > prior[1] > prior[2]
    assert prior[0] / prior[1] < 3  # the rarer one is drawn more often


def test_nobody_is_in_two_parts_and_the_parts_never_change(tmp_path: Path) -> None:
    _sheet(tmp_path / "lfw_imfdb_mux", people=60)
    tiles = sets.load(tmp_path, "lfw_imfdb_mux")
    assert len(tiles) == 180  # contempt is none of our labels
    of = {person: set(tiles.part[tiles.who == person].tolist()) for person in set(tiles.who.tolist())}
    assert all(len(parts) == 1 for parts in of.values())
    assert {sets.LEARN, sets.CHOOSE, sets.REPORT} == set(tiles.part.tolist())
    assert sets.load(tmp_path, "lfw_imfdb_mux").part.tolist() == tiles.part.tolist()
    reported = np.mean([parts == {sets.REPORT} for parts in of.values()])
    assert 0.3 < reported < 0.7  # these are seen with three labels


def test_tiles_come_with_their_labels(tmp_path: Path) -> None:
    _sheet(tmp_path / "habesha", people=3)
    tiles = sets.load(tmp_path, "habesha")
    assert [LABELS[label] for label in tiles.label[:3]] == ["neutral", "surprised", "fearful"]
    assert [int(image[0, 0]) for image in tiles.images[:3]] == pytest.approx([0, 1, 2], abs=2)


def test_a_face_is_looked_for_in_its_tile_and_else_thought_at_the_usual_place() -> None:
    images = np.full((5, 100, 100), 128, np.uint8)
    images[4] = 0  # here nothing is found

    class Finds:
        def find(self, luma: np.ndarray) -> list[FoundFace]:  # type: ignore[type-arg]
            if not luma.any():
                return []
            room = (luma.shape[0] - 100) / 2
            eyes = ((room + 20, room + 30), (room + 60, room + 70))
            return [FoundFace(Box(room + 10, room + 5, 60, 80), 0.9, eyes)]

    places = framing.places(images, Finds())
    assert places.found.tolist() == [True] * 4 + [False]
    assert all(box == pytest.approx(places.boxes[0]) for box in places.boxes)
    assert places.boxes[4] == pytest.approx(Box(10, 5, 60, 80))
    assert places.rolls == pytest.approx([45] * 4 + [0])


def test_the_black_around_a_cut_out_face_is_filled_and_its_dark_eyes_are_not() -> None:
    face = np.zeros((80, 80), np.uint8)
    cv2.circle(face, (40, 40), 36, 150, -1)
    cv2.circle(face, (28, 32), 4, 2, -1)
    filled, outside = framing.filled(face)
    assert outside[0, 0]
    assert not outside[40, 40]
    assert not outside[32, 28]
    assert filled[0, 0] == pytest.approx(150, abs=8)
    assert filled[32, 28] == 2


def test_the_resting_face_that_is_known_helps() -> None:
    random = np.random.default_rng(0)
    each = [0] * 40 + [1, 2, 3] * 3
    label, who = np.tile(each, 20), np.repeat([f"p{number}" for number in range(20)], len(each))
    bias = random.normal(0, 3, (20, 7)).repeat(len(each), axis=0)
    evidence = np.asarray(3 * np.eye(7)[label] + bias, np.float32)
    items = len(label)
    shown = sets.Tiles("any", np.zeros((items, 1, 1), np.uint8), label, who, np.full(items, sets.REPORT), ({},) * items)
    found = measure.resting_face(shown, measure.Seen(evidence, evidence))
    assert found["unknown"]["value"] < 0.7
    assert found["known"]["1"]["value"] > 0.9
    assert found["gain"]["low"] > 0.1


def test_an_earlier_model_gives_its_kernels() -> None:
    found = predecessor.layers(FOLDER / read_manifest(FOLDER).file)
    kernels = [kernel.shape for kernel, _ in found]
    assert kernels[0] == (shape.STEM, 1, 3, 3)
    assert kernels[-1] == (shape.BLOCKS[-1][0], shape.BLOCKS[-2][0], 1, 1)
    assert predecessor.fitting(found, kernels[:1] + kernels[-1:])[1][0] is found[-1][0]
    with pytest.raises(SystemExit, match="others, to begin with"):
        predecessor.fitting(found, [(5, 1, 3, 3)])


def test_an_earlier_model_gives_its_last_layer() -> None:
    kernel, bias = predecessor.head(FOLDER / read_manifest(FOLDER).file)
    assert kernel.shape == (len(LABELS), shape.BLOCKS[-1][0])
    assert bias.shape == (len(LABELS),)
    assert 0.01 < np.abs(kernel).mean() < 1


def test_a_face_is_answered_by_all_who_know_its_set() -> None:
    pytest.importorskip("torch")
    from models.face.members import Member, mean

    def always(value: float, seen: list[int]) -> Callable[[np.ndarray], np.ndarray]:  # type: ignore[type-arg]
        def ask(faces: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            seen.append(len(faces))
            return np.full((len(faces), len(LABELS)), value, np.float32)

        return ask

    every: list[int] = []
    some: list[int] = []
    members = [Member(always(1, every)), Member(always(4, some), material.FER)]
    faces, of_set, numbers = np.zeros((3, 1, 8, 8), np.uint8), np.array([1, 0, 2]), np.arange(3)
    assert mean(members, faces, of_set, numbers)[:, 0].tolist() == [1, 2.5, 1]
    assert (every, some) == ([3], [1])


def test_who_has_not_learned_from_a_face_counts_for_more() -> None:
    pytest.importorskip("torch")
    from models.face.members import Member, mean

    def always(value: float) -> Callable[[np.ndarray], np.ndarray]:  # type: ignore[type-arg]
        return lambda faces: np.full((len(faces), len(LABELS)), value, np.float32)

    members = [Member(always(0)), Member(always(4), without=1, parts=2)]
    faces, of_set = np.zeros((3, 1, 8, 8), np.uint8), np.zeros(3, np.int64)
    known, strange, nobodys = mean(members, faces, of_set, np.array([4, 5, -1]))[:, 0].tolist()
    assert (known, nobodys) == (2, 2)
    assert strange == 3


def test_the_faces_without_a_part_keep_what_belongs_to_them() -> None:
    learned = _learned([0, 1, 2, 3, 4, 5], of_set=[0, 0, 1, 1, 1, 0], cut_out=[2, 3, 4])
    rest = learned.without(1, 3)
    assert rest.wanted.argmax(axis=1).tolist() == [0, 2, 3, 5]
    assert rest.set.tolist() == [0, 1, 1, 0]
    assert rest.cut_out.tolist() == [1, 2]
    everything = np.arange(len(learned))
    assert np.array_equal(rest.outside_of(np.arange(4)), learned.outside_of(everything[[0, 2, 3, 5]]))


def test_compression_spoils_more_the_lower_its_quality_and_flat_grey_not_at_all() -> None:
    torch = pytest.importorskip("torch")
    from models.face.compression import compressed

    face = torch.from_numpy(parity.drawings()[0].astype(np.float32))[None, None]
    low, high = (float((compressed(face, torch.tensor([q])) - face).abs().mean()) for q in (20.0, 95.0))
    assert 0 < high < low < 30
    coded = cv2.imdecode(cv2.imencode(".jpg", parity.drawings()[0], [cv2.IMWRITE_JPEG_QUALITY, 20])[1], 0)
    assert float(np.abs(compressed(face, torch.tensor([20.0]))[0, 0].numpy() - coded).mean()) < 1.5
    grey = torch.full((1, 1, 16, 16), 128.0)
    assert torch.equal(compressed(grey, torch.tensor([20.0])), grey)


def test_the_mean_of_networks_lies_between_them() -> None:
    torch = pytest.importorskip("torch")
    from models.common.weights import averaged

    first, second = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    mean = averaged([first, second])
    assert torch.allclose(mean.weight, (first.weight + second.weight) / 2)
    assert not torch.equal(mean.weight, first.weight)


def test_a_residual_teacher_answers_for_pictures_of_other_sizes() -> None:
    torch = pytest.importorskip("torch")
    from models.face import nets

    network = nets.residual().eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 64, 64)).shape == (2, len(LABELS))
        assert network(torch.zeros(2, 1, shape.SIDE, shape.SIDE)).shape == (2, len(LABELS))


def test_an_earlier_model_answers_both_ways_without_its_share_of_the_prior(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from models.face.members import of_files

    face, model = parity.drawings()[0], FaceClassifier()
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    manifest["preprocessing"]["prior_share"] = 0.5
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / manifest["file"]).write_bytes((FOLDER / manifest["file"]).read_bytes())
    member = of_files(f"{material.FER}={tmp_path}")
    assert member.weight(np.array([0, 1]), np.array([4, 4])).tolist() == [1, 0]
    both = (model.logits(face) + model.logits(face, mirrored=True)) / 2
    assert member.ask(torch.from_numpy(face)[None, None])[0] == pytest.approx(
        both - 0.5 * model.natural_prior, abs=1e-4
    )
    with pytest.raises(SystemExit, match="nobody is no set"):
        of_files(f"nobody={tmp_path}")


def test_a_student_sees_a_face_older_and_younger_and_it_stays_that_face() -> None:
    torch = pytest.importorskip("torch")
    from models.face.augment import again

    lines = torch.linspace(0, 12, 64).sin()
    faces = (128 + 60 * lines[:, None] * lines[None]).expand(200, 1, 64, 64)
    seen = again(faces, shape.SIDE, torch.Generator().manual_seed(1))
    assert seen.shape == (200, 1, shape.SIDE, shape.SIDE)
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 255
    spread = seen.std(dim=(1, 2, 3)) / faces[0].std()
    assert 0.8 < float(spread.min()) < 0.99
    assert 1.01 < float(spread.max()) < 1.3


def test_what_is_natural_is_counted_among_faces_that_people_agree_about() -> None:
    learned = _learned([0] * 6 + [1] * 2 + [2] * 4, of_set=[0] * 12)
    learned.wanted[:4] = 1 / 7
    natural = np.exp(learned.natural)
    assert natural[:3] == pytest.approx([2 / 8, 2 / 8, 4 / 8])


def test_varied_faces_repeat_with_the_seed() -> None:
    torch = pytest.importorskip("torch")
    from models.face.augment import SIDE, Augment

    random = np.random.default_rng(0)
    kept = random.integers(0, 256, (8, framing.KEPT, framing.KEPT), dtype=np.uint8)
    outside = np.zeros(kept.shape, bool)
    outside[0] = True
    first, same, other = (Augment(*seed)(kept, outside) for seed in ((1, 2), (1, 2), (1, 3)))
    assert first.shape == (8, 1, SIDE, SIDE)
    assert first.dtype == torch.uint8
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_student_hears_the_teacher_and_the_labels() -> None:
    pytest.importorskip("torch")
    from models.face.lessons import mixed

    labels, said = np.eye(7, dtype=np.float32)[[0]], np.array([[0, 0, 0, 0, 0, 0, 30]], np.float32)
    wanted = mixed(labels, said, np.array([0.6], np.float32))
    assert wanted.sum() == pytest.approx(1)
    assert (wanted[0, 0], wanted[0, 6]) == (pytest.approx(0.4), pytest.approx(0.6))


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


def test_worse_faces_stay_faces_of_their_size() -> None:
    random = np.random.default_rng(0)
    face = random.integers(0, 256, (48, 48), dtype=np.uint8)
    for worsen, amounts in measure.DEGRADATIONS.values():
        for amount in amounts:
            worse = worsen(face, amount, random)
            assert worse.shape == face.shape
            assert worse.dtype == np.uint8


def test_a_face_in_pieces_keeps_its_pieces() -> None:
    images = np.arange(16, dtype=np.uint8).reshape(1, 4, 4).repeat(3, axis=1).repeat(3, axis=2)
    mixed = degrade.in_pieces(images, np.random.default_rng(0))
    assert not np.array_equal(mixed, images)
    assert sorted(mixed[0, ::3, ::3].ravel().tolist()) == list(range(16))
    assert np.array_equal(mixed[0, ::3, ::3].repeat(3, axis=0).repeat(3, axis=1), mixed[0])


def test_eyes_are_made_level() -> None:
    image = np.zeros((100, 100), np.uint8)
    for x, y in ((30, 35), (70, 65)):
        cv2.circle(image, (x, y), 4, 255, -1)
    roll = float(np.degrees(np.arctan2(30, 40)))
    places = framing.Places((Box(10, 10, 80, 80),), np.array([True]), np.array([roll]))
    shown = sets.Tiles("any", image[None], np.zeros(1, int), np.array(["a"]), np.array([sets.REPORT]), ({},))
    turned = measure.straightened(shown, places).images[0]
    rows = np.flatnonzero(turned.max(axis=1) > 128)
    assert rows.max() - rows.min() < 12


def test_the_temperature_that_made_the_answers_is_found() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 5))
    truth = np.array([random.choice(5, p=row) for row in calibration.softmax(logits, 1.7)])
    assert calibration.fit_temperature(truth, logits) == pytest.approx(1.7, abs=0.08)


def test_offsets_put_right_what_is_said_too_often_and_are_held_near_where_they_start() -> None:
    draw = np.random.default_rng(5)
    truth = draw.choice(3, 4000, p=(0.6, 0.4, 0.0))
    evidence = 2.0 * np.eye(4)[truth] + draw.gumbel(0, 1, (4000, 4)) + np.array([0.0, 1.0, 0.0, 0.0])
    start = np.log([0.5, 0.3, 0.1, 0.1])
    fitted = calibration.fit_offsets(truth, evidence, start, held=0.001)
    said = calibration.softmax(evidence + fitted).mean(axis=0)
    assert said[:2] == pytest.approx([0.6, 0.4], abs=0.02)
    held = calibration.fit_offsets(truth, evidence, start, held=0.2)
    assert np.abs(held - start).max() < np.abs(fitted - start).max()


def test_a_balanced_sample_has_every_group_as_often() -> None:
    groups = np.array([3] * 90 + [5] * 10)
    assert np.bincount(groups[metrics.balanced(groups, each=20)]).tolist() == [0, 0, 0, 20, 0, 20]


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
    chosen, model = np.flatnonzero(clear)[:800], FaceClassifier()
    evidence = np.stack([model.evidence(face) for face in faces.images[chosen]])
    natural = (evidence + model.natural_prior).argmax(axis=1)
    assert metrics.accuracy(majority[chosen], natural) > 0.84
    assert metrics.macro_recall(majority[chosen], evidence.argmax(axis=1), len(LABELS), at_least=10) > 0.78


def _learned(labels: list[int], of_set: list[int] | None = None, cut_out: Sequence[int] = ()) -> material.Learned:
    items = len(labels)
    outside = np.zeros((len(cut_out), framing.KEPT, framing.KEPT), bool)
    outside[range(len(cut_out)), range(len(cut_out))] = True  # another place in each
    return material.Learned(
        kept=np.zeros((items, framing.KEPT, framing.KEPT), np.uint8),
        cut_out=np.array(cut_out, np.int64),
        outside=outside,
        wanted=np.eye(7, dtype=np.float32)[labels],
        weight=np.ones(items, np.float32),
        set=np.array(of_set or [0] * items),
    )


def _sheet(folder: Path, people: int) -> None:
    """A set in the layout of the sheets: four pictures of everybody, the last of them without a label of ours."""
    folder.mkdir()
    labels = ("neutral", "surprise", "fear", "contempt")
    sheet = np.zeros((112 * (-(-4 * people // 30)), 112 * 30), np.uint8)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sheet", "pos", "file", "label", "split", "person"])
        for number in range(4 * people):
            down, right = divmod(number, 30)
            sheet[112 * down : 112 * (down + 1), 112 * right : 112 * (right + 1)] = min(number, 255)
            row = ["train_00.png", number, f"{number}.jpg", labels[number % 4], "train", f"person_{number // 4}"]
            writer.writerow(row)
    cv2.imwrite(str(folder / "train_00.png"), sheet)


def _faces(votes: np.ndarray, group: np.ndarray | None = None) -> data.Faces:  # type: ignore[type-arg]
    items = len(votes)
    return data.Faces(
        images=np.zeros((items, 48, 48), np.uint8),
        label=np.zeros(items, np.int64),
        votes=votes.astype(np.float32),
        group=np.arange(items) if group is None else group,
    )


def test_a_stern_face_is_neutral_once_a_stream_has_shown_it_and_a_smile_stays_one() -> None:
    neutral, happy, angry = (LABELS.index(label) for label in ("neutral", "happy", "angry"))
    stern = 3.5 * np.eye(len(LABELS))[angry] + 1.5 * np.eye(len(LABELS))[neutral]
    smile = 5.0 * np.eye(len(LABELS))[happy]
    evidence = np.array([stern] * 4 + [smile] * 4, np.float32)
    truth = np.array([neutral] * 4 + [happy] * 4)
    found = streams.as_learned(truth, np.array(["one"] * 8), evidence)
    assert set(found) == {"stranger", "0.8", "0.3"}
    assert (found["stranger"][:4] == angry).all()
    assert (found["0.8"] == truth).all()
    assert (found["0.3"][4:] == happy).all()
