"""Following by patch, and who continues whom."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from edge.config import schema
from edge.face.boxes import affinity, around, centre, overlap, pairs, without_doubles
from edge.face.follow import follow, take
from edge.face.liveness import Places, Stillness
from edge.face.tracks import Tracks
from edge.readings import Box, FoundFace
from tests.helpers.stage import Person, frame, picture

TEXTURE = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)


def test_a_patch_is_followed_by_parts_of_a_pixel() -> None:
    box = around(160.0, 110.0, 40.0, 54.0)
    patch = take(frame(picture([Person(320)]), 0).luma, box)
    for step, (dx, dy) in enumerate([(0.0, 0.0), (3.0, 1.0), (-7.0, 5.0), (20.0, -14.0)]):
        moved = frame(picture([Person(320 + dx, 240 + dy)], seed=step + 1), 1).luma
        there, match = follow(moved, box, patch)
        x, y = centre(there)
        assert match > 0.9
        assert abs(x - 160.0 - dx / 2) < 1.0
        assert abs(y - 110.0 - dy / 2) < 1.0


def test_what_is_gone_does_not_match() -> None:
    box = around(160.0, 110.0, 40.0, 54.0)
    patch = take(frame(picture([Person(320)]), 0).luma, box)
    assert follow(frame(picture([], seed=1), 1).luma, box, patch)[1] < 0.5
    assert follow(TEXTURE, box, patch)[1] < 0.55


def test_a_plain_patch_matches_nothing() -> None:
    flat = np.full((240, 320), 128, np.uint8)
    box = Box(100, 100, 30, 40)
    assert follow(flat, box, take(flat, box)) == (box, 0.0)
    assert follow(flat, box, take(TEXTURE, box)) == (box, 0.0)


@given(st.floats(-500, 800), st.floats(-500, 800), st.floats(0.1, 900), st.sampled_from([(1, 1), (7, 300), (240, 320)]))
@effort(max_examples=60, deadline=None)
def test_any_box_in_any_picture_can_be_followed(x: float, y: float, height: float, shape: tuple[int, int]) -> None:
    luma = np.ascontiguousarray(TEXTURE[: shape[0], : shape[1]])
    box = Box(x, y, 0.75 * height, height)
    there, match = follow(luma, box, take(luma, box))
    assert -1.0 <= match <= 1.0
    assert np.isfinite([there.x, there.y]).all()
    assert there.height == box.height


boxes = st.builds(
    lambda x, y, h: Box(x, y, 0.75 * h, h), st.integers(0, 280), st.integers(0, 200), st.integers(20, 120)
)
faces = st.lists(st.builds(FoundFace, boxes, st.sampled_from([0.5, 0.6, 0.8])), max_size=6)


@given(st.lists(boxes, max_size=5), faces)
def test_each_face_continues_one_track_at_most(tracks: list[Box], found: list[FoundFace]) -> None:
    taken = pairs(tracks, found)
    assert len(set(taken.values())) == len(taken)
    for i, j in taken.items():
        assert affinity(tracks[i], found[j].box) > 0.0


@given(st.lists(boxes, max_size=4, unique=True), st.lists(boxes, max_size=4, unique=True), st.randoms())
def test_the_order_of_finds_does_not_matter(tracks: list[Box], found: list[Box], shuffle: object) -> None:
    ordered = [FoundFace(box, 0.6) for box in found]
    mixed = list(ordered)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert {i: ordered[j] for i, j in pairs(tracks, ordered).items()} == {
        i: mixed[j] for i, j in pairs(tracks, mixed).items()
    }


@given(faces)
def test_no_doubles_remain(found: list[FoundFace]) -> None:
    kept = without_doubles(found)
    assert all(overlap(a.box, b.box) < 0.35 for a, b in permutations(kept, 2))
    assert bool(kept) == bool(found)


def test_a_mouth_in_a_face_is_no_second_face() -> None:
    face, mouth = FoundFace(Box(50, 40, 100, 130), 0.76), FoundFace(Box(90, 130, 36, 47), 0.78)
    assert without_doubles([mouth, face]) == [face]


@given(st.lists(faces, min_size=1, max_size=12), st.integers(1, 3))
@effort(max_examples=40, deadline=None)
def test_numbers_count_up_and_never_come_back(looks: list[list[FoundFace]], most: int) -> None:
    tracks, gone, highest = Tracks(), set[int](), 0
    settings = schema.FaceConfig(max_people=most)
    before: set[int] = set()
    for step, found in enumerate(looks):
        tracks.follow(TEXTURE, step * 0.5, settings.forget_s)
        tracks.update(without_doubles(found), TEXTURE, step * 0.5, settings)
        tracks.forget(step * 0.5, settings.forget_s)
        numbers = [track.number for track in tracks.known]
        assert len(set(numbers)) == len(numbers)
        assert not gone & set(numbers)
        assert all(number > highest for number in set(numbers) - before)
        assert len(tracks.all) <= most + 5
        gone |= before - set(numbers)
        highest = max([highest, *numbers])
        before = set(numbers)


@given(st.lists(boxes, min_size=1, max_size=4, unique=True), st.randoms())
@effort(max_examples=30, deadline=None)
def test_who_gets_which_number_does_not_depend_on_the_order_of_finds(found: list[Box], shuffle: object) -> None:
    settings = schema.FaceConfig()
    results = []
    for _ in range(2):
        tracks = Tracks()
        for step in range(4):
            faces_now = without_doubles([FoundFace(box, 0.8) for box in found])
            shuffle.shuffle(faces_now)  # type: ignore[attr-defined]
            tracks.update(faces_now, TEXTURE, step * 0.2, settings)
        results.append({track.number: track.box for track in tracks.known})
    assert results[0] == results[1]
    assert results[0]


def test_one_find_is_nobody_yet() -> None:
    tracks = Tracks()
    tracks.update([FoundFace(Box(50, 50, 40, 52), 0.9)], TEXTURE, 0.0, schema.FaceConfig())
    assert tracks.known == []
    for step in (1, 2):
        tracks.update([], TEXTURE, 0.1 * step, schema.FaceConfig())
        tracks.forget(0.1 * step, 1.5)
    assert tracks.all == []


@pytest.mark.parametrize(("scores", "number"), [((0.8, 0.8), 1), ((0.5, 0.55), 0), ((0.5, 0.5, 0.5), 1)])
def test_weak_finds_need_more_of_them(scores: tuple[float, ...], number: int) -> None:
    tracks = Tracks()
    for step, score in enumerate(scores):
        tracks.update([FoundFace(Box(50, 50, 40, 52), score)], TEXTURE, 0.1 * step, schema.FaceConfig(min_score=0.5))
    assert [track.number for track in tracks.all] == [number]


def test_at_a_slow_rate_one_missed_look_loses_nobody() -> None:
    tracks, settings = Tracks(), schema.FaceConfig(forget_s=1.5)
    known = []
    for step, found in enumerate([True, True, False, False]):
        tracks.update([FoundFace(Box(50, 50, 40, 52), 0.8)] if found else [], TEXTURE, 2.0 * step, settings)
        tracks.forget(2.0 * step, settings.forget_s)
        known.append(len(tracks.known))
    assert known == [0, 1, 1, 0]


def test_nothing_of_a_person_survives_their_leaving() -> None:
    places = Places()
    person = Stillness(0.0)
    for step in range(6):
        luma = frame(picture([Person(300 + 8 * step)], seed=step), step).luma
        person.look(luma, around(150.0 + 4 * step, 110.0, 40.0, 54.0), step * 0.2, 20.0)
    assert person.moved
    places.leave(around(170.0, 110.0, 40.0, 54.0), person, 2.0)
    fresh = places.enter(around(170.0, 110.0, 40.0, 54.0), 3.0)
    assert (fresh.since, fresh.picture) == (3.0, False)


def test_two_people_who_cross_keep_their_numbers() -> None:
    tracks, settings = Tracks(), schema.FaceConfig()
    for step in range(40):
        noise = np.random.default_rng(step).integers(0, 256, (240, 320), dtype=np.uint8)
        right, left = Box(40.0 + 5 * step, 90.0, 36.0, 48.0), Box(240.0 - 5 * step, 92.0, 33.0, 44.0)
        now = step * 0.1
        tracks.follow(noise, now, settings.forget_s)  # nothing matches: only the finder sees them
        found = (
            [FoundFace(right, 0.9)] if overlap(right, left) > 0.3 else [FoundFace(right, 0.9), FoundFace(left, 0.85)]
        )
        tracks.update(found, noise, now, settings)
        tracks.forget(now, settings.forget_s)
        if step == 3:
            number = {track.number: track.box.x for track in tracks.known}
    first = min(number, key=lambda each: number[each])  # who came from the left
    last = {track.number: track.box.x for track in tracks.known}
    assert set(last) == set(number)
    assert last[first] > 200
