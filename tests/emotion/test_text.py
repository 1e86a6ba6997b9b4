"""Words as the third part of fusion: they support, weaken and lift above neutral, and overrule no other feeling."""

from __future__ import annotations

from hypothesis import assume, given

from edge.config.schema import Config, FusionConfig
from edge.emotion.crowd import Crowd
from edge.emotion.evidence import NEUTRAL, NONE, evidence_of
from edge.emotion.fusion import Said, fuse, weight_of
from edge.emotion.scene import Scene
from edge.readings import FacesReading, Probabilities, Reading, TextReading
from tests.helpers.readings import WEIGHTS, distributions, face, sure_of, voice


def fused(seen: Probabilities, said: Probabilities | None, weight: float | None = None) -> Reading:
    parts = [Said("face", evidence_of(seen), 1.0, 0.0)]
    if said is not None:
        parts.append(Said("text", evidence_of(said), 1.0, 0.0))
    settings = FusionConfig(text_weight=weight)
    reading = fuse([(part, weight_of(part, settings, WEIGHTS)) for part in parts], NONE, 0.0, 1)
    assert reading is not None
    return reading


def best(reading: Reading) -> int:
    return reading.probabilities.index(reading.confidence)


@given(distributions, distributions)
def test_words_put_no_other_feeling_in_the_place_of_one_that_leads(seen: Probabilities, said: Probabilities) -> None:
    first, second = sorted(seen)[-1:-3:-1]
    assume(first - second > 1e-3)
    before = best(fused(seen, None))
    after = best(fused(seen, said, 10.0))
    if before != NEUTRAL:
        assert after == before


def test_words_lift_a_feeling_above_neutral_and_make_an_agreed_one_surer() -> None:
    unsure = (0.3, 0.28, 0.12, 0.1, 0.08, 0.06, 0.06)
    happy = sure_of("happy")
    assert best(fused(unsure, None)) == NEUTRAL
    assert best(fused(unsure, happy)) == 1
    assert fused(sure_of("happy", 0.5), happy).confidence > fused(sure_of("happy", 0.5), None).confidence
    assert fused(sure_of("sad", 0.5), happy).confidence < fused(sure_of("sad", 0.5), None).confidence


def test_words_belong_to_the_only_one_in_view_or_to_the_room() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    crowd.read(TextReading(0.0, sure_of("happy"), 0.8))
    assert [said.modality for said, _ in crowd.room(1.0)] == ["text"]
    crowd.see(FacesReading(1.0, 1, (face("neutral", 1.0),)))
    assert [said.modality for said, _ in crowd.parts(1, 1.0)] == ["face", "text"]
    assert crowd.room(1.0) == []
    crowd.see(FacesReading(1.1, 2, (face("neutral", 1.1), face("neutral", 1.1, track=2))))
    assert [said.modality for said, _ in crowd.room(1.1)] == ["text"]
    reading = crowd.reading(1.1)
    assert reading is not None
    assert sum(part.weight for part in reading.parts.values()) > 0.999
    assert set(reading.parts) == {"face", "text"}


def test_words_and_the_rooms_voice_stand_side_by_side() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    crowd.see(FacesReading(1.0, 1, (face("happy", 1.0), face("happy", 1.0, track=2))))
    crowd.hear(voice("happy", 1.0))
    crowd.read(TextReading(1.0, sure_of("happy"), 0.8))
    reading = crowd.reading(1.0)
    assert reading is not None
    assert set(reading.parts) == {"face", "speech", "text"}


def test_old_words_do_not_count() -> None:
    crowd = Crowd(Config(), WEIGHTS)
    crowd.read(TextReading(0.0, sure_of("happy"), 0.8))
    assert crowd.reading(7.9) is not None
    assert crowd.reading(8.0) is None
    assert crowd.senses(8.0) == ()


def test_the_scene_tells_what_words_say_and_forgets_them() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    scene.feed(TextReading(0.5, sure_of("happy"), 0.8))
    (reading,) = [message.payload for message in scene.tick(0.6, 0.6) if message.topic == "reading"]
    assert reading.text.probabilities["happy"] > 0.5  # type: ignore[attr-defined]
    assert reading.why.text.label == "happy"  # type: ignore[attr-defined]
    assert reading.because == "the words alone"  # type: ignore[attr-defined]
    scene.feed(FacesReading(0.7, 1, (face("happy", 0.7),)))
    (reading,) = [message.payload for message in scene.tick(1.4, 1.4) if message.topic == "reading"]
    assert reading.because.endswith("; the words agree")  # type: ignore[attr-defined]
    scene.reset(2.0)
    assert not [message for message in scene.tick(2.1, 2.1) if message.topic == "reading"]
