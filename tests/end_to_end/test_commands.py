"""The command line, as a person types it."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.readings import LABELS
from tests.helpers.broker import Broker, Observer
from tests.helpers.service import DEVICE, Start, emotion_edge


def check_distribution(probabilities: dict[str, float]) -> None:
    assert tuple(probabilities) == LABELS
    assert math.isclose(sum(probabilities.values()), 1.0, abs_tol=1e-4)


def test_replay_gives_the_same_answer_every_time(video: Path, audio: Path) -> None:
    first = emotion_edge("replay", "--video", video, "--audio", audio, "--speed", "max")
    again = emotion_edge("replay", "--video", video, "--audio", audio, "--speed", "max")
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert {"topic", "t", "payload"} == set(lines[0])
    assert {"reading", "state", "event"} <= {line["topic"] for line in lines}
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    fused = [line["payload"] for line in lines if line["topic"] == "reading"]
    assert any(reading["face"] and reading["speech"] for reading in fused)


def test_replay_takes_words_at_their_time(tmp_path: Path) -> None:
    script = tmp_path / "said.txt"
    script.write_text("1 I am so happy about this, it is wonderful!\n4 It is a quarter past four.\n")
    result = emotion_edge("replay", "--text", script, "--modalities")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    read = [line for line in lines if line["topic"] == "text"]
    assert [
        (line["t"], max(line["payload"]["probabilities"], key=line["payload"]["probabilities"].get)) for line in read
    ] == [(1.0, "happy")]
    assert any(line["topic"] == "reading" and line["payload"]["text"] for line in lines)
    script.write_text("soon I am so happy\n")
    refused = emotion_edge("replay", "--text", script)
    assert refused.returncode != 0
    assert "line 1" in refused.stderr


@pytest.fixture
def portrait(video: Path, tmp_path: Path) -> Path:
    capture = cv2.VideoCapture(str(video))
    _, picture = capture.read()
    capture.release()
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), picture)
    return path


def test_classify_face(portrait: Path, tmp_path: Path) -> None:
    empty = tmp_path / "wall.png"
    cv2.imwrite(str(empty), np.full((200, 300, 3), 90, np.uint8))
    result = emotion_edge("classify", "face", portrait, empty)
    assert result.returncode == 0, result.stderr
    found, none = (json.loads(line) for line in result.stdout.splitlines())
    assert found["file"] == str(portrait)
    assert len(found["faces"]) == 1
    check_distribution(found["faces"][0]["probabilities"])
    assert len(found["faces"][0]["box"]) == 4
    assert none["faces"] == []


def test_classify_a_crop_takes_the_whole_picture(tmp_path: Path) -> None:
    crop = tmp_path / "crop.png"
    cv2.imwrite(str(crop), np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8))
    result = emotion_edge("classify", "face", "--cropped", tmp_path)
    (line,) = (json.loads(line) for line in result.stdout.splitlines())
    assert len(line["faces"]) == 1
    check_distribution(line["faces"][0]["probabilities"])


def test_classify_goes_on_after_a_file_that_cannot_be_read(portrait: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(portrait.read_bytes()[:300])
    result = emotion_edge("classify", "face", broken, tmp_path / "absent.jpg", portrait)
    assert result.returncode == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["error" in line for line in lines] == [True, True, False]
    assert "Traceback" not in result.stderr


def test_classify_speech(audio: Path, tmp_path: Path) -> None:
    import wave

    silent = tmp_path / "silent.wav"
    with wave.open(str(silent), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(44_100)
        out.writeframes(bytes(4 * 44_100))
    result = emotion_edge("classify", "speech", audio, silent, tmp_path / "absent.wav")
    assert result.returncode == 1
    heard, nothing, absent = (json.loads(line) for line in result.stdout.splitlines())
    check_distribution(heard["probabilities"])
    assert heard["voiced_s"] > 1.0
    assert nothing["probabilities"] is None
    assert "error" in absent


def test_classify_speech_tells_calm_from_neutral_if_asked(audio: Path) -> None:
    result = emotion_edge("classify", "speech", "--eight", audio)
    assert result.returncode == 0, result.stderr
    line = json.loads(result.stdout)
    assert set(line["eight"]) == {*line["probabilities"], "calm"}
    assert sum(line["eight"].values()) == pytest.approx(1, abs=1e-4)
    plain = json.loads(emotion_edge("classify", "speech", audio).stdout)
    assert "eight" not in plain


def test_watch_prints_a_line_per_change(start: Start, observer: Observer, broker: Broker) -> None:
    start()
    observer.wait("/reading", 20)
    result = emotion_edge("watch", "--broker", f"127.0.0.1:{broker.port}", "--device", DEVICE, "--for", "4")
    assert result.returncode == 0, result.stderr
    assert "availability online" in result.stdout
    assert "camera online" in result.stdout
    assert "people 1" in result.stdout


def test_watch_says_when_there_is_no_broker() -> None:
    result = emotion_edge("watch", "--broker", "127.0.0.1:1", "--device", "x")
    assert result.returncode == 1
    assert result.stderr.startswith("emotion-edge: nothing is listening at 127.0.0.1:1")


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",), ("run", "--help"), ("classify", "--help")])
def test_help_helps(words: tuple[str, ...]) -> None:
    result = emotion_edge(*words)
    assert result.returncode in (0, 2)
    assert "emotion-edge" in result.stdout


def test_privacy_from_the_shell(start: Start, observer: Observer, tmp_path: Path) -> None:
    service = start()
    observer.wait("/reading", 20)
    switched = time.time()
    result = emotion_edge("privacy", "on", "--config", service.config, "--state", service.state)
    assert result.returncode == 0, result.stderr
    observer.wait("/privacy", 5, lambda m: m.payload == b"ON")
    assert emotion_edge("privacy", "status", "--config", service.config, "--state", service.state).stdout == "on\n"
    emotion_edge("privacy", "off", "--config", service.config, "--state", service.state)
    observer.wait("/privacy", 10, lambda m: m.payload == b"OFF" and m.at > switched)
    verified = emotion_edge("privacy", "log", "--verify", "--config", service.config, "--state", service.state)
    assert verified.stdout.startswith("3 switches since ")  # off at the start, on, off
    before = len(observer.on("/reading"))
    observer.wait("/status/camera", 5, lambda m: m.json["state"] == "online")
    observer.wait("/reading", 10, lambda _: len(observer.on("/reading")) > before)
