"""What others ask of us: a command, a refusal, or nothing; never an exception."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.messages.commands import MAX_BYTES, Command, Refusal, own_response_topic, parse
from edge.messages.payloads import ResponsePayload
from edge.messages.schema import schemas
from tests.mqtt.parts import ROOT, Ear, Mosquitto, Rig, until


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("privacy/set", b"ON", Command("privacy", "", True)),
        ("privacy/set", b" off\n", Command("privacy", "", False)),
        ("privacy/set", b'"ON"', Command("privacy", "", True)),
        ("privacy/set", b'{"value": "ON", "transaction": 7}', Command("privacy", "", True, 7)),
        ("config/decision.enter/set", b"0.5", Command("config", "decision.enter", 0.5)),
        ("config/log.level/set", b"debug", Command("config", "log.level", "debug")),
        ("config/log.level/set", b'"debug"', Command("config", "log.level", "debug")),
        ("config/speech.require_face/set", b"true", Command("config", "speech.require_face", True)),
        ("config/privacy.quiet_hours/set", b"[]", Command("config", "privacy.quiet_hours", [])),
        ("config/face.still_s/set", b"null", Command("config", "face.still_s", None)),
        ("config/face.still_s/set", b'{"value": 3, "transaction": "a"}', Command("config", "face.still_s", 3, "a")),
        ("request/info", b"", Command("request", "info", None)),
        ("request/info", b'{"transaction": "t"}', Command("request", "info", None, "t")),
        ("request/reset", b'{"key": "a.b", "transaction": 1}', Command("request", "reset", {"key": "a.b"}, 1)),
        ("request/anything-else", b"[1]", Command("request", "anything-else", [1])),
        ("privacy/set", b"", None),
        ("config/face.still_s/set", b"", None),
        ("state", b"ON", None),
        ("privacy", b"ON", None),
        ("", b"", None),
    ],
)
def test_what_is_understood(topic: str, payload: bytes, expected: Command | None) -> None:
    assert parse(topic, payload, retained=False) == expected
    assert parse(topic, payload, retained=True) is None


@pytest.mark.parametrize(
    ("topic", "payload", "name", "word"),
    [
        ("privacy/set", b"maybe", "privacy", "ON or OFF"),
        ("privacy/set", b"1", "privacy", "ON or OFF"),
        ("privacy/set", b"\xff\xfe", "privacy", "UTF-8"),
        ("privacy/set", b'{"on": true}', "privacy", "ON or OFF"),
        ("config/decision.enter/set", b"[" * 10_000, "config", "deep"),
        ("config/decision.enter/set", b"[" * 21 + b"]" * 21, "config", "deep"),
        ("config/decision.enter/set", b"not a number!", "config", "not JSON"),
        ("config/decision.enter/set", b"1e999", "config", "JSON"),
        ("config/decision.enter/set", b"9" * 5000, "config", "JSON"),
        ("config/decision.enter/set", b'"\\ud800"', "config", "JSON"),
        ("config/../../etc/set", b"1", None, ""),
        ("config/Decision/set", b"1", "config", "no such key"),
        ("config/a.b/set", b"0" * (MAX_BYTES + 1), "config", "too large"),
        ("request/Info", b"", "error", "no such request"),
        ("request/info", b"{", "info", "JSON"),
        ("request/info", b'{"transaction": 1.5}', "info", "transaction"),
        ("request/info", b'{"transaction": true}', "info", "transaction"),
        ("request/info", b'{"transaction": "' + b"x" * 300 + b'"}', "info", "transaction"),
    ],
)
def test_what_is_refused(topic: str, payload: bytes, name: str | None, word: str) -> None:
    refusal = parse(topic, payload, retained=False)
    if name is None:
        assert refusal is None
        return
    assert isinstance(refusal, Refusal)
    assert refusal.name == name
    assert word in refusal.error
    assert len(refusal.error) < 300


def test_a_refusal_echoes_the_transaction() -> None:
    refusal = parse("privacy/set", b'{"value": "perhaps", "transaction": "t1"}', retained=False)
    assert isinstance(refusal, Refusal)
    assert refusal.transaction == "t1"


_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
_enveloped = st.fixed_dictionaries({"transaction": _documents}, optional={"value": _documents})


@given(
    topic=st.sampled_from(["privacy/set", "config/decision.enter/set", "request/info"]) | st.text(max_size=30),
    payload=st.binary(max_size=200) | (_documents | _enveloped).map(lambda value: json.dumps(value).encode()),
    retained=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_never_an_exception(topic: str, payload: bytes, retained: bool) -> None:
    answer = parse(topic, payload, retained=retained)
    assert answer is None or isinstance(answer, (Command, Refusal))
    if retained:
        assert answer is None
    if isinstance(answer, Refusal):
        assert not set(answer.name) & set("+#/\0")
        assert answer.name


def test_commands_arrive_and_hostile_ones_are_answered(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]
) -> None:
    rig = publish(broker.port).ready()
    ear.say("privacy/set", "ON")
    ear.say("config/decision.enter/set", '{"value": 0.6, "transaction": "x"}')
    until(lambda: len(rig.commands) == 2)
    assert [each.value for each in rig.commands] == [True, 0.6]
    ear.say("config/decision.enter/set", b"\x00\xff" * 5_000_000)
    ear.say("privacy/set", b"[" * 10_000)
    ear.say("request/info", "{")
    until(lambda: len(ear.on("response/config") + ear.on("response/privacy") + ear.on("response/info")) == 3)
    for topic in ("response/config", "response/privacy", "response/info"):
        (answer,) = ear.on(topic)
        jsonschema.validate(answer.json, schemas()["response"])
        assert answer.json["status"] == "error"
    assert len(rig.commands) == 2
    assert rig.publisher.connected


def test_a_retained_command_does_not_act(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    ear.say("privacy/set", "OFF", retain=True)
    ear.say("config/decision.enter/set", "0.1", retain=True)
    ear.say("request/info", "", retain=False)
    rig = publish(broker.port).ready()
    ear.say("request/info", "")
    until(lambda: rig.commands)
    rig.publisher._reconnector._connection.abort()  # type: ignore[union-attr]
    until(lambda: rig.publisher.status().connections == 2)
    ear.say("request/info", "")
    until(lambda: len(rig.commands) == 2)
    assert {each.kind for each in rig.commands} == {"request"}
    assert caplog.text.count("a retained message lies on") == 2  # one for each topic, not for each connect
    assert not ear.on("response/privacy")


def test_a_flood_of_commands_does_not_drown_us(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    rig = publish(broker.port).ready()
    for _ in range(2000):
        ear.client.publish(f"{ROOT}/privacy/set", b"x" * 1000, 0)
    ear.say("privacy/set", "ON")
    deadline = time.monotonic() + 8
    while not rig.commands and time.monotonic() < deadline:
        ear.say("privacy/set", "ON")
        time.sleep(0.05)
    assert rig.commands
    assert rig.publisher.connected


def test_an_answer_goes_where_the_asker_listens(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    rig = publish(broker.port).ready()
    for topic in ("response/desk", "state", "response/../x/#"):
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.CorrelationData = topic.encode()
        if "#" not in topic:
            properties.ResponseTopic = f"{ROOT}/{topic}"
        ear.say("request/info", f'{{"transaction": "{topic}"}}', properties=properties)
    until(lambda: len(rig.commands) == 3)
    for command in rig.commands:
        answer = ResponsePayload(status="ok", data={}, transaction=command.transaction)
        rig.publisher.publish("response/info", answer)
    rig.publisher.publish("response/info", ResponsePayload(status="ok"))
    until(lambda: len(ear.on("response/info")) == 3)
    assert [each.correlation for each in ear.on("response/desk")] == [b"response/desk"]
    assert [each.correlation for each in ear.on("response/info")] == [b"state", b"response/../x/#", None]
    assert not ear.on("state")


def test_only_our_own_response_topics_are_published_on() -> None:
    assert own_response_topic("emotion/shelf", "emotion/shelf/response/a/b") == "response/a/b"
    for other in (
        None, "", "other", "emotion/shelf/state", "emotion/shelf/privacy/set", "emotion/shelf/response/",
        "emotion/shelf/response", "emotion/shelf/response/+", "emotion/shelfish/response/a",
        "emotion/shelf/response/\0",
    ):  # fmt: skip
        assert own_response_topic("emotion/shelf", other) is None
