"""The shipped finder is what its papers say, and its recipe composes, encodes and judges as it should."""

import hashlib
import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.device import resources
from edge.face.boxes import overlap
from edge.face.finder import SingleShot
from edge.face.grid import CELLS, LANDMARKS, SIDE, STRIDE, decode, fitted, prepare
from edge.face.pixels import resized_by_area
from edge.inference import Model, dequantise, quantise, read_manifest
from edge.readings import Box, FoundFace
from models.finder import batches, compose, judge, light, parity, photos, scenes, targets

FOLDER = resources.models() / "finder"
TWO_RUNTIMES = pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is None, reason="tflite-runtime is not installed beside ai-edge-litert"
)


def test_the_shipped_file_is_small_and_int8() -> None:
    manifest = read_manifest(FOLDER)
    content = (FOLDER / manifest.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) <= 400_000
    assert {tensor.dtype for tensor in manifest.inputs + manifest.outputs} == {"int8"}


def test_the_metrics_are_those_of_the_shipped_file() -> None:
    measured, manifest = json.loads((FOLDER / "metrics.json").read_text()), read_manifest(FOLDER)
    assert measured["sha256"] == manifest.sha256
    found = measured["finders"]["ours"]["recall"]["photographs"]["value"]
    assert manifest.metrics["recall_photographs"] == pytest.approx(found, abs=1e-4)


def test_int8_stays_close_to_float() -> None:
    model = Model(FOLDER)
    for drawing, row in zip(parity.drawings(), parity.read(FOLDER), strict=True):
        said = model.run({"image": prepare(drawing)})
        answer = (said["score"][0], said["box"][0], said["landmarks"][0])
        difference = np.abs(parity.at(answer, int(row[0])) - row[1:])
        assert difference[0] < 0.8  # the logit
        assert difference[1:5].max() < 0.25  # cells, and logarithms of cells
        assert difference[5:].max() < 0.1  # sizes of the box


@TWO_RUNTIMES
def test_tflite_runtime_agrees() -> None:
    for drawing, row in zip(parity.drawings(), parity.read(FOLDER), strict=True):
        # The runtimes round differently in every layer, so cells without a face differ by more than the last step.
        one, two = (
            parity.at((said["score"][0], said["box"][0], said["landmarks"][0]), int(row[0]))
            for said in (Model(FOLDER).run({"image": prepare(drawing)}), _by_tflite_runtime(drawing))
        )
        assert abs(one[0] - two[0]) < 0.6  # the logit
        assert np.abs(one[1:5] - two[1:5]).max() < 0.3  # cells, and logarithms of cells
        assert np.abs(one[5:] - two[5:]).max() < 0.05  # sizes of the box


@TWO_RUNTIMES
def test_tflite_runtime_finds_the_same_faces() -> None:
    finder, middle = SingleShot(), float(read_manifest(FOLDER).preprocessing["middle"])
    alike, alone = [], 0
    for each in _judged()[::8]:
        square, _ = fitted(each.picture, resized_by_area)
        said = _by_tflite_runtime(square)
        ours, theirs = (
            finder.look(square),
            decode(said["score"][0, :, :, 0], said["box"][0], said["landmarks"][0], 0.5, middle),
        )
        if ours and theirs:
            alike.append(overlap(ours[0].box, theirs[0].box))
        alone += bool(ours) != bool(theirs)
    assert len(alike) > 50
    assert alone <= 2
    assert np.median(alike) > 0.9
    assert np.quantile(alike, 0.05) > 0.75


def test_what_is_encoded_is_decoded() -> None:
    boxes = np.array([[20, 30, 30, 40], [80, 60, 12, 16]], np.float32)
    points = boxes[:, None, :2] + boxes[:, None, 2:] * np.linspace(0.2, 0.8, LANDMARKS)[None, :, None]
    wanted = targets.encode(boxes, points.astype(np.float32), np.zeros((0, 4), np.float32))
    found = decode(20 * wanted.score - 10, wanted.box, wanted.landmarks, 0.5)
    assert len(found) == 2
    for box, its_points in zip(boxes, points, strict=True):
        face = max(found, key=lambda face: overlap(face.box, Box(*map(float, box))))
        assert overlap(face.box, Box(*map(float, box))) > 0.99
        assert np.allclose(face.landmarks, its_points, atol=0.1)


def test_doubtful_and_tiny_faces_are_neither_asked_for_nor_wrong() -> None:
    tiny = np.array([[60, 60, 4, 5]], np.float32)
    doubtful = np.array([[10, 10, 30, 30]], np.float32)
    wanted = targets.encode(tiny, np.zeros((1, LANDMARKS, 2), np.float32), doubtful)
    assert wanted.score.sum() == 0
    assert wanted.weight[int(62 / STRIDE), int(62 / STRIDE)] == 0
    assert wanted.weight[3, 3] == 0
    assert wanted.weight[-1, -1] == 1


def test_a_picture_is_fitted_without_being_bent() -> None:
    wide = np.zeros((60, 240), np.uint8)
    wide[:, 120:] = 200
    square, scale = fitted(wide, resized_by_area)
    assert square.shape == (SIDE, SIDE)
    assert scale == pytest.approx(SIDE / 240)
    assert abs(int(square[100, 5]) - 100) <= 1  # beside the picture lies its mean
    assert prepare(np.full((SIDE, SIDE), 7, np.uint8)).any() == np.False_


def test_composed_faces_are_where_the_labels_say() -> None:
    bank, random = _bank(), np.random.default_rng(0)
    bright = []
    for _ in range(40):
        scene = compose.photograph(bank, random, height=40.0, degrees=0.0)
        for x, y, width, height in scene.labels[0]:
            bright.append(scene.picture[int(y + height / 2), int(x + width / 2)] > 150)
    assert len(bright) >= 40
    assert np.mean(bright) > 0.8  # the blob of the drawn photograph; now and then something is before it


def test_empty_scenes_have_no_face() -> None:
    bank, random = _bank(), np.random.default_rng(0)
    for draw in (compose.empty, compose.ordinary):
        scene = draw(bank, random)
        assert scene.boxes == []
        assert scene.picture.shape == (SIDE, SIDE)


def test_batches_repeat_with_the_seed() -> None:
    bank = _bank()
    first, again = (batches.batch(bank, [], 4, np.random.default_rng([1, 2])) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert first[0].shape == (4, SIDE, SIDE, 1)
    assert first[1].score.shape == (4, CELLS, CELLS)


def test_out_of_focus_is_blurred_as_far_as_the_smallest_face_allows() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE)).astype(np.float32)
    small, large = (light.unfocused(picture, [90.0, height], np.random.default_rng(1)) for height in (12.0, 80.0))
    assert picture.std() > small.std() > large.std()
    assert light.unfocused(picture, [], np.random.default_rng(1)).std() < picture.std()


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is there for training alone")
def test_a_further_round_begins_from_half_the_height() -> None:
    from models.finder.learning import Rates

    rates = Rates([1000, 600], 0.004)
    heights = [float(rates(step)) for step in range(1600)]
    assert max(heights[:1000]) == pytest.approx(0.004)
    assert heights[999] < 0.0001
    assert max(heights[1000:]) == pytest.approx(0.002)
    assert heights[1599] < 0.0001


def test_one_answer_finds_one_face_and_the_rest_are_alarms() -> None:
    boxes = np.array([[10, 10, 30, 40]], np.float32)
    points = np.zeros((1, 5, 2), np.float32)
    doubtful = np.array([[100, 100, 20, 20]], np.float32)
    answers = [
        FoundFace(Box(11, 11, 30, 40), 0.9),
        FoundFace(Box(14, 12, 30, 40), 0.6),
        FoundFace(Box(101, 101, 18, 18), 0.8),
        FoundFace(Box(60, 60, 9, 9), 0.7),
    ]
    told = judge.verdict(answers, boxes, points, doubtful)
    assert told.found == (0.9,)
    assert sorted(told.alarms) == [0.6, 0.7]
    assert judge.recall([told], 0.95) == 0.0
    assert judge.alarms_per_thousand([told], 0.65) == 1000.0
    assert judge.threshold([told] * 1000, 0.0) == pytest.approx(0.7, abs=1e-5)


def test_nothing_that_judges_is_learnt_from() -> None:
    names = [f"{kind}-{i}" for kind in ("room-hall", "texture-a", "wallpaper-7") for i in range(50)]
    assert {compose.part_of(name) for name in names} <= {"learn", "choose", "judge"}
    assert len({compose.part_of(f"room-hall-{turn}-{tilt}") for turn in (0, 60, 120) for tilt in (-12, 15)}) == 1
    made = [
        photos.Photo(str(i), np.random.default_rng(i).integers(0, 256, (32, 32), np.uint8), *_empty())
        for i in range(700)
    ]
    parts = photos.split(made)
    held = {photo.name for photo in parts.judge}
    assert len(held) == photos.HELD_BACK
    assert not held & {photo.name for photo in (*parts.learn, *parts.choose)}


def test_a_floor_of_recall_on_real_photographs() -> None:
    finder = SingleShot()
    told = [judge.verdict(finder.find(each.picture), each.boxes, each.points, each.doubtful) for each in _judged()[::4]]
    assert judge.recall(told, 0.5) > 0.94


def _judged() -> list[scenes.Judged]:
    """The photographs that judge."""
    where = os.environ.get("EMOTION_EDGE_DATA")
    if not where:
        pytest.skip("EMOTION_EDGE_DATA does not name a folder with GENKI-4K")
    try:
        folder = photos.find(Path(where))
    except SystemExit as reason:
        pytest.skip(str(reason))
    return scenes.photographs(photos.split(photos.load(folder)).judge)


def _by_tflite_runtime(square: np.ndarray) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """What the other runtime says of a picture of SIDE x SIDE."""
    from tflite_runtime.interpreter import Interpreter

    manifest = read_manifest(FOLDER)
    other = Interpreter(model_content=(FOLDER / manifest.file).read_bytes())
    other.allocate_tensors()
    other.set_tensor(other.get_input_details()[0]["index"], quantise(prepare(square), manifest.inputs[0]))
    other.invoke()
    given = {each["name"]: each["index"] for each in other.get_output_details()}
    return {each.name: dequantise(other.get_tensor(given[each.tensor]), each) for each in manifest.outputs}


def _empty() -> tuple[photos.Floats, photos.Floats, photos.Floats]:
    return np.zeros((1, 4), np.float32), np.zeros((1, 5, 2), np.float32), np.zeros((0, 4), np.float32)


def _bank() -> compose.Bank:
    """A photograph of a bright blob, before dark backgrounds."""
    grey = np.full((120, 100), 40, np.uint8)
    cv2.ellipse(grey, (50, 60), (22, 30), 0, 0, 360, 220, -1)
    box = np.array([[28, 30, 44, 60]], np.float32)
    points = np.array([[[40, 50], [60, 50], [50, 62], [42, 74], [58, 74]]], np.float32)
    photo = photos.Photo("drawn", grey, box, points, np.zeros((0, 4), np.float32))
    background = np.random.default_rng(1).integers(0, 60, (200, 300), dtype=np.uint8)
    return compose.Bank([photo], [], [background], [])
