"""Several people and one voice: who speaks, who feels what, and what a fixed seat's rest would be."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.config.schema import Config, SpeechConfig
from edge.emotion.crowd import Crowd
from edge.errors import EdgeError
from edge.readings import LABELS, FaceReading, FacesReading, Modality
from tests.helpers.readings import WEIGHTS, sure_of, voice

FPS = 10


def seen(track: int, label: str, time: float, mouth: float = 0.0, p: float = 0.6) -> FaceReading:
    return FaceReading(time, track, sure_of(label, p), 1.0, 100.0 + track, mouth, 2 * mouth)


def watch(crowd: Crowd, mouths: dict[int, float], seconds: float, start: float = 0.0, label: str = "neutral") -> float:
    """Faces whose mouths move by so much, every other frame."""
    now = start
    for i in range(round(seconds * FPS)):
        now = start + i / FPS
        faces = tuple(seen(track, label, now, moved * (i % 2)) for track, moved in mouths.items())
        crowd.see(FacesReading(now, i, faces))
    return now


def parts(crowd: Crowd, track: int, now: float) -> set[Modality]:
    return {said.modality for said, _ in crowd.parts(track, now)}


def test_the_voice_goes_to_whose_mouth_moves_and_to_nobody_else() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    now = watch(crowd, {1: 0.08, 2: 0.002}, 3.0)
    crowd.hear(voice("happy", now))
    assert parts(crowd, 1, now) == {"face", "speech"}
    assert parts(crowd, 2, now) == {"face"}
    assert crowd.room(now) == []


def test_two_people_in_dialogue_change_within_two_seconds() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    now = watch(crowd, {1: 0.08, 2: 0.0}, 3.0)
    crowd.hear(voice("happy", now))
    for _ in range(3):  # the voice says so all the time
        now = watch(crowd, {1: 0.0, 2: 0.08}, 0.6, now + 0.1)
        crowd.hear(voice("sad", now))
    assert parts(crowd, 2, now) == {"face", "speech"}
    assert parts(crowd, 1, now) == {"face"}


def test_silence_belongs_to_nobody() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    now = watch(crowd, {1: 0.08, 2: 0.0}, 3.0)
    crowd.hear(voice("happy", now))
    assert [track for track, person in crowd.people(now, (1, 2)) if person.speaking] == [1]
    now = watch(crowd, {1: 0.08, 2: 0.0}, 2.0, now + 0.1)
    assert [track for track, person in crowd.people(now, (1, 2)) if person.speaking] == []


def test_while_a_voice_goes_on_its_owner_is_found_between_two_readings() -> None:
    """A dialogue does not wait for the next reading of the voice."""
    crowd = Crowd(Config(), WEIGHTS)
    now = watch(crowd, {1: 0.0, 2: 0.0}, 2.0)
    crowd.hear(voice("happy", now))
    assert all("speech" not in parts(crowd, track, now) for track in (1, 2))
    now = watch(crowd, {1: 0.1, 2: 0.0}, 0.7, now + 0.1)
    assert "speech" not in parts(crowd, 2, now)
    crowd.hear(voice("happy", now))
    now = watch(crowd, {1: 0.1, 2: 0.0}, 0.7, now + 0.1)
    assert parts(crowd, 1, now) == {"face", "speech"}


def test_a_voice_that_no_mouth_goes_with_is_the_rooms_and_weighs_less_or_nothing() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    now = watch(crowd, {1: 0.002, 2: 0.001}, 3.0)
    crowd.hear(voice("angry", now))
    assert parts(crowd, 1, now) == parts(crowd, 2, now) == {"face"}
    ((said, share),) = crowd.room(now)
    assert said.modality == "speech"
    assert share < 1.0
    crowd.apply(replace(Config(), speech=SpeechConfig(require_face=True)))
    assert crowd.room(now) == []


def test_whoever_leaves_takes_their_voice_along_and_nobody_inherits_their_rest() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    now = watch(crowd, {1: 0.08}, 8.0, label="sad")
    crowd.hear(voice("happy", now))
    now = watch(crowd, {2: 0.0}, 0.5, now + 0.1, label="sad")
    assert parts(crowd, 2, now) == {"face"}
    assert len(crowd.room(now)) == 1
    reading = crowd.reading(now)
    assert reading is not None
    assert reading.parts["face"].rest_known is False


def test_a_scene_of_several_people_is_the_mean_of_theirs() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    for i in range(60):
        now = i / FPS
        crowd.see(
            FacesReading(now, i, (seen(1, "neutral", now), seen(2, "happy" if now > 4 else "neutral", now, p=0.9)))
        )
    reading = crowd.reading(now)
    assert reading is not None
    assert reading.people == 2
    assert sum(reading.probabilities) == pytest.approx(1.0)
    top = sorted(zip(reading.probabilities, LABELS, strict=True))[-2:]
    assert {label for _, label in top} == {"neutral", "happy"}
    people = dict(crowd.people(now, (1, 2)))
    assert people[2].label == "happy"
    assert people[1].label == "neutral"
    assert people[2].because.startswith("the face alone")


def test_a_seat_is_calibrated_from_what_is_there_or_it_says_what_is_missing() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    with pytest.raises(EdgeError, match="nobody is in view"):
        crowd.resting(0.0)
    now = watch(crowd, {1: 0.0}, 3.0, label="sad")
    with pytest.raises(EdgeError, match="are needed"):
        crowd.resting(now)
    now = watch(crowd, {1: 0.0}, 12.0, now + 0.1, label="sad")
    found = crowd.resting(now)
    assert max(found, key=lambda label: found[label]) == "sad"
    assert found["sad"] > 1.0
    calibrated = Crowd(replace(Config(), face=replace(Config().face, rest=found)), WEIGHTS)
    now = watch(calibrated, {1: 0.0}, 1.0, label="sad")
    reading = calibrated.reading(now)
    assert reading is not None
    assert LABELS[reading.probabilities.index(max(reading.probabilities))] == "neutral"


def test_what_a_voice_always_sounds_like_is_taken_off_and_forgotten_after_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sad_after_20_s(share: float) -> tuple[Crowd, float]:
        monkeypatch.setattr("edge.emotion.usual_voice.SHARE", share)
        crowd = Crowd(Config(), WEIGHTS)
        for i in range(40):
            crowd.hear(voice("sad", i * 0.5, p=0.5))
        reading = crowd.reading(19.5)
        assert reading is not None
        return crowd, reading.probabilities[LABELS.index("sad")]

    _, plain = sad_after_20_s(0.0)
    crowd, beyond = sad_after_20_s(0.8)
    assert beyond < 0.75 * plain
    fresh = Crowd(Config(), WEIGHTS)
    for each in (fresh, crowd):  # after eighty seconds of silence somebody else may speak
        each.hear(voice("sad", 100.0, p=0.5))
    assert crowd.reading(100.0) == fresh.reading(100.0)
