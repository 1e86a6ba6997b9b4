from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import Message, Pipeline
from edge.capture.soundfiles import read_sound
from edge.errors import ConfigError
from edge.messages.payloads import ReadingPayload, StatePayload
from tests.helpers import media
from tests.helpers.stage import FPS, Person, picture


def watch(pipeline: Pipeline, seconds: float, people: list[Person], start: float = 100.0) -> list[Message]:
    told = []
    for i in range(round(seconds * FPS)):
        told += pipeline.frame(picture(people, seed=i), start + i / FPS)
    return told


def test_a_face_becomes_readings_and_a_state() -> None:
    told = watch(Pipeline(), 4.0, [Person(320)])
    readings = [message.payload for message in told if message.topic == "reading"]
    states = [message.payload for message in told if message.topic == "state"]
    assert all(isinstance(reading, ReadingPayload) for reading in readings)
    assert len(readings) >= 5
    assert all(isinstance(state, StatePayload) for state in states)
    assert isinstance(states[-1], StatePayload)
    assert states[-1].people == 1
    assert all(message.time is not None and 100.0 <= message.time < 104.0 for message in told)


def test_a_voice_becomes_readings_at_any_rate(tmp_path: Path) -> None:
    samples = read_sound(media.write_speech(tmp_path / "voice.wav"))
    for rate in (16_000, 48_000):
        sound = np.interp(np.arange(0, len(samples), 16_000 / rate), np.arange(len(samples)), samples)
        pipeline, told = Pipeline(), []
        for at in range(0, len(sound), rate // 10):
            told += pipeline.sound(sound[at : at + rate // 10], at / rate, rate)
        assert any(isinstance(m.payload, ReadingPayload) and m.payload.speech is not None for m in told), rate


def test_nobody_for_a_while_is_told_by_ticks_alone() -> None:
    pipeline = Pipeline()
    watch(pipeline, 3.0, [Person(320)])
    told = [message for i in range(100) for message in pipeline.tick(103.0 + i / 10)]
    states = [message.payload for message in told if message.topic == "state"]
    assert isinstance(states[-1], StatePayload)
    assert states[-1].label == "absent"


def test_after_a_reset_nobody_is_known() -> None:
    pipeline = Pipeline()
    watch(pipeline, 2.0, [Person(320)])
    pipeline.reset()
    told = pipeline.tick(0.0)  # time may begin anew as well
    assert not [message for message in told if message.topic == "reading"]


def test_grey_frames_will_do() -> None:
    pipeline = Pipeline()
    told = []
    for i in range(30):
        told += pipeline.frame(cv2.cvtColor(picture([Person(320)], seed=i), cv2.COLOR_BGR2GRAY), i / FPS)
    assert any(message.topic == "reading" for message in told)


def test_a_config_file_counts_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[publish]\nmodalities = true\n")
    assert any(message.topic.startswith("face/") for message in watch(Pipeline(config), 2.0, [Person(320)]))
    config.write_text("[publish]\nmodalties = true\n")
    with pytest.raises(ConfigError, match=r"did you mean publish\.modalities"):
        Pipeline(config)
