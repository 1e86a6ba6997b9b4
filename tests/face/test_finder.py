"""The finder on a real face, on what is no face, and on pictures of any shape."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.face.batch import classify_picture, find_everywhere
from edge.face.boxes import overlap
from edge.face.finder import SingleShot
from edge.face.search import HEIGHT, WIDTH, Searcher, at_most, everywhere
from edge.readings import Box
from tests.helpers.stage import Constant, Person, frame, picture, portrait

FACE = Box(99.0, 57.0, 88.0, 115.0)  # in the portrait of 300 x 300: brows to chin, by eye


def luma(people: list[Person], **how: float) -> NDArray[np.uint8]:
    return frame(picture(people, **how), 0).luma  # type: ignore[arg-type]


def test_a_face_is_found_where_it_is() -> None:
    (face,) = SingleShot().find(luma([Person(320, 240)]))
    there = Box((320 - 150 + FACE.x) / 2, (240 - 150 + FACE.y) / 2, FACE.width / 2, FACE.height / 2)
    assert overlap(face.box, there) > 0.6
    assert face.score > 0.6
    assert 0.7 < face.box.width / face.box.height < 0.8


@pytest.mark.parametrize("side", [180, 300, 480])
def test_small_and_large_faces_are_found(side: int) -> None:
    assert len(everywhere(luma([Person(320, 240, side)]), SingleShot())) == 1


def test_two_faces_are_two() -> None:
    faces = everywhere(luma([Person(160, 240, 260), Person(480, 240, 260)]), SingleShot())
    assert len(faces) == 2
    assert overlap(faces[0].box, faces[1].box) == 0.0


def test_a_face_in_the_dark_is_found() -> None:
    dark = luma([Person(320, 240)], light=0.15)
    assert dark.mean() < 25
    assert len(SingleShot().find(dark)) == 1


def test_landmarks_lie_where_eyes_nose_and_mouth_are() -> None:
    (face,) = SingleShot().find(luma([Person(320, 240)]))
    left, right, nose, _, _ = face.landmarks
    eyes = (124.0, 101.0), (161.0, 97.0)  # in the portrait, by eye
    for found, there in zip((left, right), eyes, strict=True):
        x, y = (320 - 150 + there[0]) / 2, (240 - 150 + there[1]) / 2
        assert abs(found[0] - x) < 6
        assert abs(found[1] - y) < 6
    assert left[0] < nose[0] < right[0]
    assert nose[1] > max(left[1], right[1])


def test_far_faces_are_found_closer() -> None:
    far = luma([Person(200, 300, 110)])  # 42 pixels of 640: about three metres away
    faces = everywhere(far, SingleShot())
    assert len(faces) == 1
    assert 15 < faces[0].box.height < 30


def test_smaller_faces_than_asked_for_are_not_found() -> None:
    looker, seen = Searcher(SingleShot), luma([Person(320, 240)])
    for smallest, faces in ((20.0, 1), (80.0, 0)):
        looker.prepare(0.5, smallest)
        assert len(looker.whole(seen)) == faces


def test_a_higher_threshold_finds_no_more() -> None:
    picture_ = luma([Person(320, 240)])
    assert SingleShot(min_score=0.99).find(picture_) == []
    assert len(SingleShot(min_score=0.5).find(picture_)) == 1


@pytest.mark.parametrize("name", ["coffee", "rocket", "brick", "grass", "text"])
def test_what_is_no_face_is_not_found(name: str) -> None:
    from skimage import data

    image = getattr(data, name)()
    if image.ndim == 3:
        image = image[:, :, ::-1]
    assert find_everywhere(frame(np.ascontiguousarray(image), 0).luma, SingleShot()) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 5), (17, 33), (241, 321)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_pictures_without_a_face_of_any_shape_have_none(shape: tuple[int, int], value: int) -> None:
    blank = np.full(shape, value, np.uint8)
    assert SingleShot().find(blank) == []
    assert find_everywhere(blank, SingleShot()) == []
    looker = Searcher(SingleShot)
    looker.prepare(0.5, 20.0)
    assert looker.whole(blank) == []
    assert looker.close(blank, [Box(-30, -30, 20, 20), Box(0, 0, 500, 700), Box(900, 900, 1, 1)]) == []


def test_the_searched_picture_is_small_and_keeps_its_shape() -> None:
    assert at_most(np.zeros((3000, 4000), np.uint8)).shape == (HEIGHT, WIDTH)
    assert at_most(np.zeros((4000, 3000), np.uint8)).shape == (WIDTH, HEIGHT)
    small = np.zeros((100, 100), np.uint8)
    assert at_most(small) is small
    assert at_most(np.zeros((1, 100_000), np.uint8)).shape[0] == 1


@pytest.mark.parametrize("size", [(150, 150), (600, 600), (1500, 2600)])
def test_a_single_picture_of_any_size_is_classified(size: tuple[int, int]) -> None:
    import cv2

    height, width = size
    image = np.full((height, width, 3), 110, np.uint8)
    side = min(height, 700)
    image[:side, :side] = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_AREA)
    (result,) = classify_picture(image, Constant(), SingleShot())  # type: ignore[arg-type]
    k = side / 300
    assert result.box is not None
    assert overlap(result.box, Box(FACE.x * k, FACE.y * k, FACE.width * k, FACE.height * k)) > 0.5
    assert result.quality > 0.5


def test_a_face_that_fills_the_picture_is_found() -> None:
    tight = portrait()[50:180, 80:205]
    (result,) = classify_picture(np.ascontiguousarray(tight), Constant(), SingleShot())  # type: ignore[arg-type]
    assert result.box is not None
    assert result.box.height > 80


def test_a_crop_is_taken_as_the_face_it_is() -> None:
    grey = np.ascontiguousarray(portrait()[50:98, 90:138, 1])
    (result,) = classify_picture(grey, Constant(), SingleShot(), cropped=True)  # type: ignore[arg-type]
    assert result.box is None
    assert result.score == 1.0
