"""The whole face path: people come, move, hide, leave and come back; posters are not people."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from edge.config import schema
from edge.device import resources
from edge.face.path import FacePath
from edge.readings import Box, FacesReading, FoundFace, Image
from tests.helpers.stage import FPS, HAPPY, Constant, Person, frame, picture

pytestmark = pytest.mark.slow

CENTRE = Person(320, 240)


class Scripted:
    """A finder that says what it is told, and counts."""

    def __init__(self, faces: Sequence[FoundFace] = ()) -> None:
        self.faces = list(faces)
        self.asked: list[tuple[int, ...]] = []

    def find(self, luma: Image) -> list[FoundFace]:
        self.asked.append(luma.shape)
        return list(self.faces)


def path(**settings: float) -> FacePath:
    return FacePath(msgspec.convert(settings, schema.FaceConfig), Constant())  # type: ignore[arg-type]


def play(faces: FacePath, scene: Sequence[Sequence[Person]], first: int = 0, **how: float) -> list[FacesReading]:
    return [faces.process(frame(picture(people, seed=first + i, **how), first + i)) for i, people in enumerate(scene)]


def tracks(readings: Sequence[FacesReading]) -> set[int]:
    return {face.track for reading in readings for face in reading.faces}


def walk(frames: int, start: float = 220, end: float = 420, side: float = 300) -> list[list[Person]]:
    return [[Person(start + (end - start) * i / frames, 240, side)] for i in range(frames)]


def test_somebody_is_seen_within_half_a_second_and_keeps_the_number() -> None:
    readings = play(path(), walk(45))
    assert [reading.frame for reading in readings] == list(range(45))
    assert all(len(reading.faces) == 1 for reading in readings[8:])
    assert tracks(readings) == {1}
    face = readings[-1].faces[0]
    assert face.probabilities == HAPPY
    assert face.quality > 0.6
    assert 95 < face.size < 140


def test_the_time_of_a_face_is_that_of_its_classification() -> None:
    faces = path(classify_hz=2.0)
    readings = play(faces, walk(45))
    times = sorted({face.time for reading in readings for face in reading.faces})
    assert all(0.5 - 1e-3 <= b - a <= 2.5 * 0.5 + 1 / FPS + 1e-3 for a, b in pairwise(times))
    assert all(face.time <= reading.time for reading in readings for face in reading.faces)
    assert faces._classifier.asked == len(times)  # type: ignore[attr-defined]


def test_a_face_that_changes_is_classified_at_once_and_a_steady_one_more_rarely() -> None:
    faces = path()
    steady = play(faces, walk(45, 300, 304))
    times = {face.time for reading in steady[15:] for face in reading.faces}
    assert len(times) <= 2 * 2.5 + 1  # two seconds at a little over two a second, instead of five
    image = picture([Person(304)], seed=45)
    image[250:290, 280:330] = 20  # an open mouth
    readings = [faces.process(frame(image, number)) for number in range(45, 50)]  # found anew if it was lost
    assert readings[-1].faces[0].time >= 45 / FPS


def test_a_mouth_that_moves_is_told_from_a_head_that_moves() -> None:
    still = play(path(), walk(45, 300, 340))
    faces, moved = path(), []
    for i in range(45):
        image = picture([Person(300 + i)], seed=i)
        if i % 4 < 2:
            image[248:268, 285 + i : 325 + i] = 30
        moved.append(faces.process(frame(image, i)))
    quiet, talking = ([face.mouth for reading in all_[20:] for face in reading.faces] for all_ in (still, moved))
    assert np.mean(talking) > 4 * np.mean(quiet)


def test_a_fast_walker_and_one_who_comes_nearer_keep_their_number() -> None:
    assert tracks(play(path(), walk(20, 160, 480))) == {1}
    assert tracks(play(path(), [[Person(320, 240, 200 + 6 * i)] for i in range(40)])) == {1}


def test_two_people_are_two_and_stay_apart() -> None:
    scene = [[Person(150 + i, 240, 250), Person(490 - i, 240, 260)] for i in range(40)]
    readings = play(path(), scene)
    assert len(readings[-1].faces) == 2
    assert tracks(readings) == {1, 2}


def test_only_the_largest_count_and_they_do_not_alternate() -> None:
    scene = [[Person(150 + i % 3, 240, 255 + i % 4), Person(490 - i % 3, 240, 255)] for i in range(40)]
    readings = play(path(max_people=1), scene)
    assert all(len(reading.faces) <= 1 for reading in readings)
    assert len(tracks(readings)) == 1


def test_who_leaves_is_forgotten_and_who_returns_has_a_new_number() -> None:
    faces = path(forget_s=0.6)
    here = play(faces, walk(15))
    away = play(faces, [[]] * 20, 15)
    again = play(faces, walk(15), 35)
    assert tracks(here) == {1}
    assert away[-1].faces == ()
    assert any(reading.faces for reading in away[:6])  # for a moment only
    assert not any(reading.faces for reading in away[13:])
    assert tracks(again) == {2}


def test_a_hand_before_the_face_changes_nothing() -> None:
    faces = path()
    play(faces, walk(15, 300, 330))
    for i in range(15, 25):
        image = picture([Person(330)], seed=i)
        image[120:330, 240:420] = (90, 120, 160)
        faces.process(frame(image, i))
    after = play(faces, walk(15, 330, 340), 25)
    assert tracks(after) == {1}
    assert len(after[-1].faces) == 1


def test_a_hidden_face_is_not_classified() -> None:
    faces = path()
    last = play(faces, walk(15, 300, 330))[-1].faces[0]
    for i in range(15, 24):
        image = picture([Person(330)], seed=i)
        image[100:340, 200:450] = np.random.default_rng(i).integers(0, 256, (240, 250, 3))
        reading = faces.process(frame(image, i))
    assert all(face.time <= last.time + 0.2 for face in reading.faces)


def test_a_poster_is_left_out_and_one_who_sits_quietly_is_not() -> None:
    still = path(still_s=2.0)
    poster = play(still, [[CENTRE]] * 60)
    assert len(poster[15].faces) == 1
    assert all(reading.faces == () for reading in poster[36:])
    quiet = [[Person(320 + 1.5 * np.sin(i / 5), 240 + np.sin(i / 9))] for i in range(60)]
    assert all(len(reading.faces) == 1 for reading in play(path(still_s=2.0), quiet)[10:])


def test_a_poster_in_changing_light_is_still_a_poster() -> None:
    faces = path(still_s=2.0)
    readings = [faces.process(frame(picture([CENTRE], seed=i, light=0.8 + 0.1 * np.sin(i / 4)), i)) for i in range(60)]
    assert all(reading.faces == () for reading in readings[40:])


def test_a_picture_that_begins_to_move_is_a_person_after_all() -> None:
    faces = path(still_s=2.0)
    assert play(faces, [[CENTRE]] * 45)[-1].faces == ()
    moving = play(faces, [[Person(320 + 2 * i, 240)] for i in range(30)], 45)
    assert tracks(moving) == {1}


def test_a_poster_found_again_is_no_new_person() -> None:
    faces = path(still_s=2.0, forget_s=0.5)
    assert play(faces, [[CENTRE]] * 45)[-1].faces == ()
    play(faces, [[]] * 30, 45)
    assert tracks(play(faces, [[CENTRE]] * 30, 75)) == set()


def test_stillness_can_be_switched_off() -> None:
    assert len(play(path(still_s=0.0), [[CENTRE]] * 40)[-1].faces) == 1


def test_an_alarm_that_comes_once_is_nobody() -> None:
    find = Scripted([FoundFace(Box(100, 80, 40, 52), 0.9)])
    faces = FacePath(schema.FaceConfig(), Constant(), find=lambda _score: find)  # type: ignore[arg-type]
    noise = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    readings = [faces.process(frame(noise, 0))]
    find.faces = []
    readings += [faces.process(frame(noise, i)) for i in range(1, 20)]
    assert tracks(readings) == set()


def test_an_empty_quiet_room_is_hardly_searched() -> None:
    find = Scripted()
    faces = FacePath(schema.FaceConfig(), Constant(), find=lambda _score: find)  # type: ignore[arg-type]
    play(faces, [[]] * 45)
    assert 3 <= find.asked.count((240, 320)) <= 5
    quiet = find.asked.count((240, 320))
    play(faces, walk(45), 45)
    assert find.asked.count((240, 320)) - quiet >= 12


def test_where_nobody_moves_it_is_looked_half_as_often() -> None:
    def looks(scene: list[list[Person]]) -> int:
        faces = path()
        play(faces, scene)
        found: list[float] = []
        for i, people in enumerate(scene):
            faces.process(frame(picture(people, seed=i), len(scene) + i))
            found += [each.found for each in faces._tracks.all]
        return len(set(found))

    assert looks([[CENTRE]] * 45) <= 0.6 * looks(walk(45))


def test_who_comes_beside_somebody_who_sits_still_is_seen_within_half_a_second() -> None:
    for late in range(12):  # in whichever frame between two looks
        faces = path()
        play(faces, [[CENTRE]] * (60 + late))
        readings = play(faces, [[CENTRE, Person(560, 240, 200)]] * 7, 60 + late)
        assert len(readings[-1].faces) == 2, late


def test_who_sat_still_is_followed_when_they_move() -> None:
    faces = path()
    play(faces, [[Person(220, 240)]] * 60)
    readings = play(faces, walk(20), 60)
    assert all(len(reading.faces) == 1 for reading in readings)
    ((x, _),) = faces.centres().values()
    assert tracks(readings) == {1}
    assert x == pytest.approx(410 / 640, abs=0.05)


def test_few_frames_are_enough_to_keep_somebody_and_each_gives_an_answer_of_its_own() -> None:
    """As under load, when only one frame in a second is taken."""
    faces = path()
    readings = [
        faces.process(frame(picture([Person(200 + 20 * second)], seed=second), second * int(FPS)))
        for second in range(12)
    ]
    assert tracks(readings) == {1}
    assert all(face.time == reading.time for reading in readings for face in reading.faces)
    assert [len(reading.faces) for reading in readings[2:]] == [1] * 10


def test_settings_change_without_losing_anybody() -> None:
    faces = path()
    assert len(play(faces, walk(15, 300, 320))[-1].faces) == 1
    faces.apply(schema.FaceConfig(min_size=300, forget_s=0.4))
    assert play(faces, [[Person(320 + i % 3)] for i in range(30)], 15)[-1].faces == ()
    faces.apply(schema.FaceConfig(find_every=6, classify_hz=10.0))
    back = play(faces, walk(20, 300, 330), 45)
    assert tracks(back) == {2}
    faces.apply(schema.FaceConfig(max_people=2, min_score=0.4))
    assert tracks(play(faces, walk(10, 330, 340), 65)) == {2}


def test_after_a_reset_nobody_is_known_and_no_number_comes_back() -> None:
    faces = path()
    assert tracks(play(faces, walk(15))) == {1}
    faces.reset()
    assert faces.process(frame(picture([], seed=20), 20)).faces == ()
    assert tracks(play(faces, walk(15), 21)) == {2}


def test_time_that_goes_back_begins_anew() -> None:
    faces = path()
    play(faces, walk(15))
    assert faces.process(frame(picture([]), 15, time=0.0)).faces == ()


def test_two_frames_a_second_are_enough_to_keep_somebody() -> None:
    faces = path(find_every=1)
    readings = [faces.process(frame(picture([Person(300 + 4 * i)], seed=i), i, time=2.0 * i)) for i in range(10)]
    assert tracks(readings) == {1}
    assert len(readings[-1].faces) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (97, 1), (33, 61), (2001, 3001)])
@pytest.mark.parametrize("value", [0, 255])
def test_strange_pictures_give_an_answer(shape: tuple[int, int], value: int) -> None:
    faces = path()
    for i in range(4):
        image = np.full((*shape, 3), value, np.uint8)
        assert faces.process(frame(image, i)).faces == ()


def test_the_camera_may_change_its_size() -> None:
    faces = path()
    play(faces, walk(10))
    small = np.ascontiguousarray(picture([CENTRE])[::2, ::4])
    assert faces.process(frame(small, 11)).faces == ()


def test_a_grey_picture_as_large_as_its_luma_will_do() -> None:
    faces = path()
    for i in range(10):
        image = frame(picture([Person(320 + i)], seed=i), i).luma
        reading = faces.process(frame(image, i))
    assert 45 < reading.faces[0].size < 70


def test_faces_below_the_least_size_do_not_count() -> None:
    assert tracks(play(path(min_size=140), walk(15))) == set()
    assert tracks(play(path(min_size=90), walk(15))) == {1}


def test_the_same_frames_give_the_same_answer() -> None:
    assert play(path(), walk(30)) == play(path(), walk(30))


@pytest.mark.skipif(not (resources.models() / "face" / "manifest.json").is_file(), reason="models/face is not there")
def test_the_shipped_model_sees_the_smile() -> None:
    readings = play(FacePath(schema.FaceConfig()), walk(20))
    label = int(np.argmax(readings[-1].faces[0].probabilities))
    assert label == 1  # happy
