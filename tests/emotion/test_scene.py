from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.config.schema import Config, PublishConfig, SpeechConfig
from edge.emotion.scene import Outgoing, Scene
from edge.messages.numbering import iso
from edge.messages.payloads import EventPayload, PersonPayload, ReadingPayload, StatePayload, SummaryPayload
from edge.readings import FacesReading, SpeechReading
from tests.helpers.readings import WEIGHTS, face, voice

WALL = 1_800_000_000.0


def live(
    scene: Scene, seconds: float, label: str | None, start: float = 0.0, tracks: tuple[int, ...] = (1,)
) -> list[Outgoing]:
    """Let `seconds` pass at ten frames a second."""
    out = []
    for i in range(round(seconds * 10)):
        now = start + i * 0.1
        faces = () if label is None else tuple(face(label, now, track, p=0.97) for track in tracks)
        scene.feed(FacesReading(now, i, faces))
        out += scene.tick(now, WALL + now)
    return out


def topics(out: list[Outgoing], topic: str) -> list[Outgoing]:
    return [message for message in out if message.topic == topic]


def test_readings_come_at_most_at_the_rate_that_is_asked_for() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    readings = topics(live(scene, 10.0, "happy"), "reading")
    assert 18 <= len(readings) <= 21
    assert all(b.captured - a.captured >= 0.4 for a, b in itertools.pairwise(readings))


def test_a_reading_tells_each_piece_of_evidence_once() -> None:
    scene = Scene(Config(publish=PublishConfig(max_hz=30)), WEIGHTS, 0.0)
    scene.feed(FacesReading(0.0, 1, (face("happy", 0.0),)))
    assert len(topics(scene.tick(0.0, WALL), "reading")) == 1
    assert topics(scene.tick(0.5, WALL), "reading") == []


def test_state_changes_come_with_events_and_the_state_is_repeated() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    out = live(scene, 30.0, "happy")
    events = [m.payload for m in topics(out, "event") if isinstance(m.payload, EventPayload)]
    assert [(e.event, e.label) for e in events if e.event.startswith("state")] == [
        ("state_left", "absent"),
        ("state_entered", "uncertain"),  # a stranger's face: it may be what they look like at rest
        ("state_left", "uncertain"),
        ("state_entered", "happy"),
    ]
    assert events[0].event == "person_appeared"
    states = [m.payload for m in topics(out, "state") if isinstance(m.payload, StatePayload)]
    assert [s.label for s in states] == ["absent", "uncertain", "happy", "happy", "happy"]
    assert states[1].reason == "still learning"
    assert states[-1].people == 1
    assert states[-1].since == states[2].since


def test_people_come_and_go_by_number() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    live(scene, 3.0, "happy", tracks=(1, 2))
    out = live(scene, 1.0, "happy", start=3.0, tracks=(2, 3))
    events = [(e.event, e.track, e.people) for m in out if isinstance(e := m.payload, EventPayload)]
    assert ("person_gone", 1, 2) in events
    assert ("person_appeared", 3, 2) in events


def test_each_of_five_people_is_told_as_often_as_a_reading_and_at_once_when_their_own_state_changes() -> None:
    scene = Scene(Config(publish=PublishConfig(people=True, max_hz=2.0)), WEIGHTS, 0.0)
    out: list[Outgoing] = []
    for i in range(400):
        now = i * 0.05
        # One after the other becomes happy, so that somebody's state changes all the time.
        faces = tuple(face("happy" if i // 40 >= track else "neutral", now, track, p=0.97) for track in range(1, 6))
        scene.feed(FacesReading(now, i, faces))
        out += scene.tick(now, WALL + now)
    for track in range(1, 6):
        told = [
            (m.captured, m.payload.state)
            for m in topics(out, f"person/{track}")
            if isinstance(m.payload, PersonPayload)
        ]
        assert len(told) >= 36
        for (before, was), (now, is_now) in itertools.pairwise(told):
            assert now - before >= 0.49 or was != is_now
            assert now - before <= 0.61
        assert {"neutral", "happy"} <= {state for _, state in told}


def test_a_camera_that_falls_silent_leaves_nobody_in_view() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    live(scene, 5.0, "happy")
    out = list(itertools.chain.from_iterable(scene.tick(5.0 + i * 0.1, WALL) for i in range(100)))
    assert next(e.event for m in out if isinstance(e := m.payload, EventPayload)) == "person_gone"
    assert scene.state.label == "absent"
    assert scene.state.confidence == 0.0


def test_a_voice_without_a_face_counts_unless_a_face_is_required() -> None:
    for required, expected in ((False, 1), (True, 0)):
        scene = Scene(Config(speech=SpeechConfig(require_face=required)), WEIGHTS, 0.0)
        scene.feed(voice("angry", 0.0))
        assert len(topics(scene.tick(0.0, WALL), "reading")) == expected


def test_silence_does_not_wipe_out_the_voice_just_heard() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    scene.feed(voice("angry", 0.0))
    scene.feed(voice(None, 0.5))
    (reading,) = topics(scene.tick(0.6, WALL), "reading")
    assert isinstance(reading.payload, ReadingPayload)
    assert reading.payload.speech is not None
    assert reading.payload.speech.age_s == 0.6


def test_a_summary_tells_of_the_minute() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    (message,) = topics(live(scene, 60.2, "happy"), "summary")
    summary = message.payload
    assert isinstance(summary, SummaryPayload)
    assert abs(summary.seconds - 60.0) < 0.11
    assert abs(sum(summary.time_in_state_s.values()) - summary.seconds) < 0.01
    assert summary.probabilities is not None
    assert abs(sum(summary.probabilities.values()) - 1.0) < 0.001
    assert summary.people_max == 1
    assert summary.time_in_state_s["happy"] > 55.0


def test_modalities_are_told_only_when_asked_for() -> None:
    quiet = live(Scene(Config(), WEIGHTS, 0.0), 2.0, "happy")
    assert not [m for m in quiet if m.topic.startswith("face/")]
    talkative = live(Scene(Config(publish=PublishConfig(modalities=True)), WEIGHTS, 0.0), 2.0, "happy")
    assert next(m.topic for m in talkative if m.topic.startswith("face/")) == "face/1"


def test_reset_forgets_everybody() -> None:
    scene = Scene(Config(), WEIGHTS, 0.0)
    live(scene, 8.0, "happy")
    scene.reset(8.0)
    out = scene.tick(8.0, WALL)
    assert scene.state.label == "absent"
    assert not topics(out, "reading")
    assert not topics(out, "event")


def test_since_is_told_by_the_wall_clock_of_now() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00.000Z"
    scene = Scene(Config(), WEIGHTS, 0.0)
    live(scene, 8.0, "happy")
    before = scene.current_state(WALL, 10.0)
    after = scene.current_state(WALL + 3600.0, 10.0)  # NTP set the clock
    assert before.for_s == after.for_s
    assert before.since != after.since


readings = st.lists(
    st.one_of(
        st.builds(
            lambda label, track: FacesReading(5.0, 1, (face(label, 5.0, track),)),
            st.sampled_from(["happy", "sad"]), st.just(1),
        ),
        st.builds(lambda label: voice(label, 5.0), st.sampled_from(["angry", "neutral"])),
    ),
    min_size=1, max_size=2, unique_by=type,
)  # fmt: skip


@given(readings=readings)
def test_order_of_arrival_within_an_instant_does_not_matter(readings: list[FacesReading | SpeechReading]) -> None:
    answers = []
    for order in itertools.permutations(readings):
        scene = Scene(replace(Config(), publish=PublishConfig(modalities=False)), WEIGHTS, 0.0)
        for reading in order:
            scene.feed(reading)
        answers.append(scene.tick(5.0, WALL))
    assert all(answer == answers[0] for answer in answers)
