"""The scenes are what they say, scores count what they say, and the product does its share on a few of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from edge.config.schema import Config, DecisionConfig
from edge.device import resources
from edge.emotion.fusion import learned_weights
from edge.errors import SourceEnded
from edge.readings import LABELS, Box, FacesReading, FoundFace, SpeechReading
from edge.service.replay import Perceived, decided
from models.life import lasting, people, pictures, single, talk, voices
from models.life.follow import Choice, all_followed, evidence, followed, ticks
from models.life.pictures import Act, Actor, Conditions, Scenery
from models.life.scenes import LifeScene, Size, Span, scenes
from models.life.score import Seen, judged, macro, watch
from tests.helpers.readings import WEIGHTS, face, voice

DATA = os.environ.get("EMOTION_EDGE_DATA", "")


def still() -> people.Still:
    """Something with two eyes and a mouth."""
    image = np.full((112, 112), 150, np.uint8)
    image[40:46, 30:44] = image[40:46, 68:82] = 40
    image[78:84, 40:72] = 70
    points = ((37.0, 43.0), (75.0, 43.0), (56.0, 62.0), (42.0, 81.0), (70.0, 81.0))
    return people.Still(image, FoundFace(Box(26.0, 20.0, 60.0, 80.0), 0.9, points))


def frames(acts: list[Act], conditions: Conditions) -> list[np.ndarray]:  # type: ignore[type-arg]
    scenery, found = Scenery([Actor(acts, conditions, 3)], conditions, 3), []
    while True:
        try:
            found.append(scenery.read().image)
        except SourceEnded:
            return found


def test_voices_are_not_judged_by_a_model_that_knows_them(tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    from models.life.evaluate import arguments, models_of

    said = ["--data", str(tmp_path), "--runs", str(tmp_path)]
    asked = arguments("test").parse_args(said)
    with pytest.raises(SystemExit, match="has no speech model of a fold"):
        models_of(asked)
    assert not models_of(asked, strangers=False).folds


def test_a_scene_has_its_length_and_is_the_same_every_time() -> None:
    acts = [Act(1.0, still()), Act(0.5, still(), "talking")]
    first, again = frames(acts, Conditions()), frames(acts, Conditions())
    assert len(first) == round(1.5 * pictures.FPS)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert first[0].shape == (pictures.HEIGHT, pictures.WIDTH)


def test_a_mouth_opens_and_lids_close_where_they_are() -> None:
    one = still()
    opened = pictures.mouth_opened(one.image, one, 1.0).astype(int) - one.image
    assert np.abs(opened[75:100, 35:77]).mean() > 5 * np.abs(opened[:60]).mean()
    closed = pictures.lids_closed(one.image, one, 1.0)
    assert closed[40:46, 30:44].mean() > one.image[40:46, 30:44].mean() + 30


def test_nobody_is_in_two_parts() -> None:
    names = [f"person {i}" for i in range(300)]
    parts = {name: people.part_of(name, "report") for name in names}
    assert parts == {name: people.part_of(name, "report") for name in names}
    assert 60 < sum(part == "tune" for part in parts.values()) < 150
    assert people.part_of("anybody", "choose") == "tune"
    assert {voices.part_of(f"corpus/{i}") for i in range(20)} == {"tune", "report"}


def test_a_mouth_follows_the_loudness_of_the_voice() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[8_000:] = 0.3 * np.sin(np.arange(8_000))
    opened = voices.loudness(samples, 10.0)
    assert opened[:4].max() < 0.1
    assert opened[6:].min() > 0.8


def test_lips_are_early_and_follow_the_loudness_loosely() -> None:
    random = np.random.default_rng(2)
    syllables = np.repeat(random.uniform(0.0, 0.4, 40) * (random.uniform(0, 1, 40) > 0.3), 3_200)  # of 0.2 s
    samples = (syllables * random.standard_normal(len(syllables))).astype(np.float32)
    loud = voices.loudness(samples, 20.0)
    at_once, early = [], []
    for seed in range(10):
        opened = voices.lips(samples, 20.0, np.random.default_rng(seed))
        assert opened.min() >= 0.0
        assert opened.max() <= 1.0
        at_once.append(np.corrcoef(opened[4:-4], loud[4:-4])[0, 1])
        early.append(max(np.corrcoef(opened[4 - lag : -4 - lag], loud[4:-4])[0, 1] for lag in range(5)))
    assert np.mean(early) > np.mean(at_once)
    assert 0.4 < np.mean(early) < 0.9


def scene(kind: str, label: str, end: float = 12.0) -> LifeScene:
    spans = (Span(0.0, 8.0, "neutral"), Span(8.0, end, label))
    return LifeScene("a scene", kind, label, spans, lambda: (None, None))  # type: ignore[arg-type]


def test_scores_count_what_was_published() -> None:
    good = Seen(((0.0, "absent"), (1.0, "neutral"), (9.5, "happy")), ())
    late = Seen(((0.0, "absent"), (1.0, "sad"), (4.0, "neutral"), (11.5, "happy")), ())
    found = judged([scene("face", "happy")] * 2, [good, late])["face"]
    assert found["recall"] == {"neutral": 1.0, "happy": 0.5}
    assert found["macro_recall"]["state"] == 0.75
    assert found["entered_in_time"] == 0.5
    assert found["entered_s"] == 2.5
    assert found["wrong_at_rest"] == 0.5
    assert macro(["happy", "sad", "sad"], ["happy", "sad", None]) == 0.75


def items(seconds: float, label: str, start: float = 0.0) -> list[Perceived]:
    return [
        Perceived(now, (FacesReading(now, i, (face(label, now),)), *((voice("sad", now),) if i % 50 == 30 else ())))
        for i in range(round(seconds * 5))
        for now in [round(start + i * 0.2, 3)]
    ]


def test_the_quick_decision_of_tuning_is_that_of_the_service() -> None:
    given = [*items(8.0, "neutral"), *items(5.0, "happy", 8.0)]
    settings = DecisionConfig(smoothing_s=0.7, enter=0.42, exit=0.3, dwell_s=0.5)
    real = watch(replace(Config(), decision=settings), given, WEIGHTS)
    quick = followed(evidence(given, 13.0, WEIGHTS), settings)
    ours, theirs = ([(t, label) for t, label in one.states if t > 5.0] for one in (quick, real))
    assert [label for _, label in ours] == [label for _, label in theirs]
    assert ours[-1][1] == "happy"
    assert [t for t, _ in ours] == pytest.approx([t for t, _ in theirs], abs=0.25)


def test_many_scenes_are_followed_as_each_of_them_is() -> None:
    rows = [evidence(items(seconds, label), seconds, WEIGHTS) for seconds, label in ((9.0, "happy"), (4.0, "angry"))]
    settings = DecisionConfig()
    assert all_followed(rows, settings) == [followed(each, settings) for each in rows]
    assert all_followed(rows[::-1], settings) == [followed(each, settings) for each in rows[::-1]]


def test_a_device_with_one_sense_is_right_where_that_sense_shows_it() -> None:
    smile = [*items(8.0, "neutral"), *items(4.0, "happy", 8.0)]  # over a voice that is sad every ten seconds
    one = LifeScene("smile", "apart", "happy", scene("apart", "happy").spans, scene("face", "happy").make, shown="face")
    cast, seen = [one, one], [smile, smile]
    choice = Choice(WEIGHTS, DecisionConfig())
    found = single.compared(cast, ticks(cast, seen, WEIGHTS), choice)
    assert set(found) == {"disagree", "face"}
    assert found["face"]["scenes"] == 2
    felt = found["face"]["state"]["feeling_found"]
    assert (felt["camera"], felt["microphone"]) == (1.0, 0.0)
    assert found["face"]["state"]["gain"]["camera"][1] <= found["face"]["state"]["gain"]["camera"][2]
    assert "of these: the face shows it (2)" in single.table(found)


def test_talk_that_is_published_as_a_feeling_is_counted_by_its_time() -> None:
    meeting = LifeScene("talk/meeting/one", "talk", "neutral", (Span(0.0, 10.0, "neutral"),), scene("a", "b").make)
    seen = Seen(((0.0, "absent"), (2.0, "neutral"), (8.0, "angry")), ())
    found = talk.claimed([meeting], [seen])
    assert found["meeting"]["feeling"] == found["meeting"]["angry"] == 0.25
    assert found["meeting"]["neutral"] == 0.75
    assert "| meeting | 0.1 | **25.0 %** |" in talk.table(found)


def test_a_feeling_that_is_got_used_to_shows_at_the_end_of_its_minute() -> None:
    start, end = lasting.CALM_S, lasting.CALM_S + lasting.FELT_S
    spans = (Span(0.0, start, "neutral"), Span(start, end, "angry"))
    one = LifeScene("lasting/angry/one", "talk", "angry", spans, scene("a", "b").make)
    seen = Seen(((0.0, "neutral"), (start + 2.5, "angry"), (end - 5.0, "neutral")), ())
    found = lasting.held([one], [seen])
    assert found["first"] == {"right": 1.0, "neutral": 0.0}
    assert found["last"] == {"right": pytest.approx(2 / 3, abs=1e-3), "neutral": pytest.approx(1 / 3, abs=1e-3)}
    assert "| 45 to 60 | 67 % | 33 % |" in lasting.table(found)


def test_what_is_decided_from_recordings_needs_no_clock() -> None:
    given = items(3.0, "happy")
    assert list(decided(Config(), given, WEIGHTS)) == list(decided(Config(), given, WEIGHTS))
    assert not [each for each in given if any(isinstance(r, SpeechReading) for r in each.readings) and each.time < 5]


@pytest.mark.skipif(not DATA, reason="EMOTION_EDGE_DATA does not name a folder with lfw_imfdb_mux and voices")
def test_people_who_feel_something_are_found_and_people_at_rest_are_left_in_peace(tmp_path: Path) -> None:
    """A short `scripts/evaluate life`: three scenes of happiness and two people who do nothing."""
    from models.life.perceive import Models, perceive

    cast = scenes(Path(DATA), "tune", Size(faces=3, poor=0, voices=0, both=0, apart=0, arrivals=0, neutral=1))
    chosen = [one for one in cast if one.label == "happy" or one.kind == "neutral"]
    models = Models(resources.models() / "face", resources.models() / "speech", {})
    seen = [watch(Config(), each, learned_weights()) for each in perceive(chosen, models, tmp_path)]
    found = judged(chosen, seen)
    assert found["face"]["recall"]["happy"] >= 2 / 3
    assert found["face"]["recall"]["neutral"] >= 2 / 3
    assert found["neutral"]["wrong"] <= 0.2
    assert set(LABELS) >= set(found["face"]["recall"])
