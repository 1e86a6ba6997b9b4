"""Bridges: what is sent for each message, through the real libraries, and the command beside a real broker."""

from __future__ import annotations

import socket
import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from edge.bridges import lsl, osc, ros2
from edge.errors import MissingPackage
from edge.messages.payloads import EventPayload, ReadingPayload, StatePayload
from edge.readings import LABELS
from tests.helpers.broker import Broker, Observer

SHARES = {label: (0.7 if label == "happy" else 0.05) for label in LABELS}
READING = ReadingPayload(probabilities=SHARES, label="happy", confidence=0.7, valence=0.5, arousal=0.25, people=1)
STATE = StatePayload(label="happy", confidence=0.7, since="", for_s=1.0, people=1, modalities=("face",), valence=0.5)
ENTERED = EventPayload(event="state_entered", label="happy", previous="neutral", people=1)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(10)
        yield one


def received(receiver: socket.socket, packets: int) -> dict[str, list[Any]]:
    messages = pytest.importorskip("pythonosc.osc_message")
    parsed = [messages.OscMessage(receiver.recv(4096)) for _ in range(packets)]
    return {each.address: each.params for each in parsed}


def test_osc_says_state_and_numbers(receiver: socket.socket) -> None:
    pytest.importorskip("pythonosc")
    bridge = osc.OscBridge("shelf", "127.0.0.1", receiver.getsockname()[1])
    bridge.forward("state", STATE, 0.0)
    assert received(receiver, 2) == {
        "/emotion/shelf/state": ["happy", pytest.approx(0.7)], "/emotion/shelf/people": [1]
    }  # fmt: skip
    bridge.forward("reading", READING, 0.0)
    heard = received(receiver, 9)
    assert heard["/emotion/shelf/reading/happy"] == [pytest.approx(0.7)]
    assert heard["/emotion/shelf/arousal"] == [pytest.approx(0.25)]
    bridge.close()


@pytest.mark.parametrize(("topic", "word"), [("availability", "offline"), ("privacy", "ON")])
def test_no_feeling_outlives_the_device(topic: str, word: str) -> None:
    assert ("/emotion/shelf/state", ["absent", 0.0]) in osc.messages("shelf", topic, word)


def test_lsl_streams_arrive_with_their_names_and_times() -> None:
    pylsl = pytest.importorskip("pylsl")
    bridge = lsl.LslBridge("shelf-lsl-test")
    (found,) = pylsl.resolve_byprop("name", "Emotion shelf-lsl-test", timeout=10)
    inlet = pylsl.StreamInlet(found)
    inlet.open_stream(timeout=10)
    channel = inlet.info().desc().child("channels").child("channel")
    assert channel.child_value("label") == LABELS[0]
    before = pylsl.local_clock()
    bridge.forward("reading", READING, 2.0)
    values, at = inlet.pull_sample(timeout=10)
    assert values == pytest.approx([*SHARES.values(), 0.5, 0.25])
    assert before - 2.5 < at < before - 1.5
    bridge.close()


# The fields of hri_msgs/msg/Expression, as its package for ROS 2 defines them.
FIELDS = {"header", "expression", "valence", "arousal", "confidence"}
WORDS = {"neutral", "angry", "sad", "happy", "surprised", "disgusted", "scared"}


def test_ros_words_and_fields_are_those_of_the_message() -> None:
    for label in LABELS:
        said = ros2.expression(msgspec.structs.replace(STATE, label=label))
        assert said is not None
        assert said["expression"] in WORDS
        assert set(said) | {"header"} == FIELDS
    assert ros2.expression(msgspec.structs.replace(STATE, label="uncertain")) is None
    assert ros2.name_of("2nd living-room") == "_2nd_living_room"


def test_ros_gets_the_state_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROS cannot be installed here: stand-ins for rclpy and hri_msgs that refuse a field which the message lacks."""
    sent: list[Any] = []

    class Message:
        def __init__(self, **fields: Any) -> None:
            assert set(fields) <= FIELDS
            self.__dict__.update(fields, header=types.SimpleNamespace(stamp=None))

    class Time(float):
        def __sub__(self, other: float) -> Time:
            return Time(float(self) - other)

        def to_msg(self) -> float:
            return float(self)

    def publisher(_kind: type, topic: str, _depth: int) -> Any:
        return types.SimpleNamespace(publish=lambda message: sent.append((topic, message)))

    node = types.SimpleNamespace(
        create_publisher=publisher,
        get_clock=lambda: types.SimpleNamespace(now=lambda: Time(100.0)),
        destroy_node=lambda: None,
    )
    rclpy: Any = types.ModuleType("rclpy")
    rclpy.init, rclpy.shutdown, rclpy.create_node = lambda **_: None, lambda: None, lambda *_: node
    rclpy.duration = types.SimpleNamespace(Duration=lambda seconds: seconds)
    messages: Any = types.ModuleType("hri_msgs.msg")
    messages.Expression = Message
    for name, module in {"rclpy": rclpy, "hri_msgs": types.ModuleType("hri_msgs"), "hri_msgs.msg": messages}.items():
        monkeypatch.setitem(sys.modules, name, module)
    bridge = ros2.Ros2Bridge("living-room")
    bridge.forward("state", STATE, 1.5)
    bridge.forward("reading", READING, 0.0)
    ((topic, message),) = sent
    assert topic == "/emotion_edge/living_room/expression"
    assert (message.expression, message.confidence, message.header.stamp) == ("happy", 0.7, 98.5)
    bridge.close()


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rclpy", "pylsl", "pythonosc", "pythonosc.udp_client"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match="hri_msgs"):
        ros2.Ros2Bridge("x")
    with pytest.raises(MissingPackage, match="pip install 'emotion-edge\\[lsl\\]'"):
        lsl.LslBridge("x")
    with pytest.raises(MissingPackage, match="pip install 'emotion-edge\\[osc\\]'"):
        osc.OscBridge("x", "127.0.0.1", 9)


def test_the_command_passes_on_what_the_broker_brings(
    broker: Broker, observer: Observer, receiver: socket.socket, tmp_path: Any
) -> None:
    pytest.importorskip("pythonosc")
    words = [
        sys.executable, "-m", "edge", "bridge", "osc", "--broker", f"127.0.0.1:{broker.port}", "--device", "shelf",
        "--osc", f"127.0.0.1:{receiver.getsockname()[1]}", "--state", str(tmp_path),
    ]  # fmt: skip
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "emotion/shelf -> OSC" in process.stdout.readline()
        observer.send("emotion/shelf/state", msgspec.json.encode(STATE).decode())
        assert received(receiver, 2)["/emotion/shelf/state"] == ["happy", pytest.approx(0.7)]
        process.terminate()
        assert process.wait(10) == 130
