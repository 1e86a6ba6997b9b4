"""The running process, seen from outside."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import defaultdict
from pathlib import Path

import jsonschema
import pytest

from edge.device import resources
from edge.messages.topics import kind_of
from tests.helpers.broker import Broker, Heard, Observer, wait_for
from tests.helpers.service import DEVICE, Start

PREFIX = f"emotion/{DEVICE}"


def below(message: Heard) -> str:
    assert message.topic.startswith(PREFIX + "/")
    return message.topic[len(PREFIX) + 1 :]


def live_messages(observer: Observer) -> list[Heard]:
    """What the service said, without what others sent to it."""
    return [m for m in list(observer.messages) if not (m.topic.endswith("/set") or "/request/" in m.topic)]


def check_schemas(messages: list[Heard]) -> set[str]:
    """Every payload is what its schema says; the kinds of topic that were seen."""
    seen = set()
    for message in messages:
        topic = below(message)
        kind = topic.split("/")[0]
        seen.add(kind)
        if kind_of(topic).payload is None:
            assert message.payload.decode().isprintable()
            continue
        schema = json.loads((resources.firmware_config() / "schema" / f"{kind}.json").read_text())
        jsonschema.validate(message.json, schema)
    return seen


def check_sequence(messages: list[Heard]) -> None:
    """Per session and topic: counted up by one, nothing missing, whichever way it came; live ones are fresh."""
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for message in messages:
        topic = below(message)
        if kind_of(topic).payload is None or message.retained:
            continue
        payload = message.json
        numbers[payload["session"], topic].append(payload["seq"])
        if topic == "backlog":
            numbers[payload["payload"]["session"], payload["topic"]].append(payload["payload"]["seq"])
    for (session, topic), found in numbers.items():
        ordered = sorted(set(found))
        assert ordered == list(range(ordered[0], ordered[-1] + 1)), f"{topic} of {session} has gaps"


def test_emotion_arrives_and_everything_is_as_promised(start: Start, observer: Observer) -> None:
    service = start(publish={"modalities": True})
    reading = observer.wait("/reading", 20, lambda m: bool(m.json["face"]) and bool(m.json["speech"])).json
    assert abs(sum(reading["probabilities"].values()) - 1.0) < 0.001
    assert reading["people"] == 1
    assert abs(reading["face"]["weight"] + reading["speech"]["weight"] - 1.0) < 0.01
    observer.wait("/summary", 10)
    health = observer.wait("/health", 10, lambda m: m.json["uptime_s"] > 3 and m.json["fps"] > 0).json
    assert 10 < health["fps"] < 20
    assert health["disk_bytes_today"] == 0
    assert health["restarts"] == {}
    observer.wait("/event", 5, lambda m: m.json["event"] == "person_appeared")
    observer.wait("/state", 10, lambda m: m.json["label"] != "absent" and m.json["people"] == 1)
    assert service.stop() == 0
    observer.wait("/availability", 5, lambda m: m.payload == b"offline")

    messages = live_messages(observer)
    seen = check_schemas(messages)
    assert seen >= {"availability", "info", "state", "reading", "summary", "event", "status", "health", "privacy",
                    "config", "face", "speech"}  # fmt: skip
    check_sequence(messages)
    rate = len(observer.on("/reading")) / health["uptime_s"]
    assert rate < 4, "publish.max_hz is 2"


def test_only_what_may_be_retained_is(start: Start, observer: Observer, broker: Broker) -> None:
    service = start()
    observer.wait("/reading", 20)
    observer.wait("/state", 10)
    service.stop()
    late = Observer(broker.port)
    try:
        wait_for(lambda: late.on("/availability"), 5, "retained messages")
        time.sleep(0.3)
        kinds = {below(message).split("/")[0] for message in late.messages}
        assert kinds == {"availability", "info", "status", "privacy", "config", "settings"}
        assert late.on("/availability")[0].payload == b"offline"
    finally:
        late.close()


def test_privacy_on_means_released_and_it_stays_so(start: Start, observer: Observer, video: Path) -> None:
    service = start()
    observer.wait("/reading", 20)
    assert any(str(video) == path for path in service.descriptors())
    observer.send(f"{PREFIX}/privacy/set", "ON")
    observer.wait(f"{PREFIX}/privacy", 5, lambda m: m.payload == b"ON")
    for sense in ("camera", "microphone"):
        observer.wait(f"/status/{sense}", 5, lambda m: m.json["state"] == "disabled")
    assert not [path for path in service.descriptors() if path == str(video)]
    time.sleep(0.3)
    before = len(observer.on("/reading")) + len(observer.on("/state"))
    time.sleep(2)
    assert len(observer.on("/reading")) + len(observer.on("/state")) == before

    observer.send(f"{PREFIX}/privacy/set", '{"value": "OFF", "transaction": 7}')
    answer = observer.wait("/response/privacy", 5, lambda m: m.json["status"] == "error").json
    assert "remote_off" in answer["error"]
    service.stop()
    observer.messages.clear()
    service.start()
    observer.wait(f"{PREFIX}/privacy", 10, lambda m: m.payload == b"ON" and not m.retained)
    time.sleep(1)
    assert not observer.on("/reading")
    assert not [path for path in service.descriptors() if path == str(video)]


def test_a_retained_privacy_command_is_ignored(start: Start, observer: Observer) -> None:
    observer.send(f"{PREFIX}/privacy/set", "ON", retain=True)
    start()
    observer.wait("/reading", 20)
    assert {m.payload for m in observer.on(f"{PREFIX}/privacy")} == {b"OFF"}
    observer.send(f"{PREFIX}/privacy/set", "", retain=True)


def test_thresholds_change_live_survive_a_restart_and_never_touch_the_owners_file(
    start: Start, observer: Observer
) -> None:
    service = start()
    observer.wait("/config/decision.enter", 10, lambda m: m.payload == b"0.42")
    owners = service.config.read_bytes()
    observer.send(f"{PREFIX}/config/decision.enter/set", "0.6")
    observer.wait("/config/decision.enter", 5, lambda m: m.payload == b"0.6")
    observer.send(f"{PREFIX}/config/decision.enter/set", "1.6")
    observer.send(f"{PREFIX}/config/mqtt.host/set", '"evil"')
    wait_for(lambda: len([m for m in observer.on("/response/config") if m.json["status"] == "error"]) == 2, 5, "errors")
    assert service.config.read_bytes() == owners
    service.stop()
    observer.messages.clear()
    service.start()
    observer.wait("/config/decision.enter", 10, lambda m: m.payload == b"0.6" and not m.retained)


def test_sighup_reloads_what_can_and_names_the_rest(start: Start, observer: Observer) -> None:
    service = start()
    observer.wait("/reading", 20)
    good = service.config.read_text()
    service.config.write_text(good + "\n[decision]\ndwell_s = 4.5\n[face]\nprior = { happy = 0.5 }\n")
    service.signal(signal.SIGHUP)
    observer.wait("/config/decision.dwell_s", 5, lambda m: m.payload == b"4.5")
    info = observer.wait("/info", 5, lambda m: m.json["pending_restart"] != []).json
    assert [key for key in info["pending_restart"] if key.startswith("face.prior")]
    service.config.write_text(good + "\n[decision]\ndwell_s = 'long'\n")
    service.signal(signal.SIGHUP)
    info = observer.wait("/info", 5, lambda m: m.json["config_error"] is not None).json
    assert "decision.dwell_s" in info["config_error"]
    assert observer.on("/config/decision.dwell_s")[-1].payload == b"4.5"
    before = len(observer.on("/reading"))
    wait_for(lambda: len(observer.on("/reading")) > before + 1, 5, "readings to go on")


def test_the_broker_is_killed_and_comes_back(start: Start, observer: Observer, broker: Broker) -> None:
    start()
    observer.wait("/reading", 20)
    broker.kill()
    gone = time.time()
    time.sleep(6)
    back = time.time()
    broker.start()
    wait_for(lambda: [m for m in observer.on("/reading") if m.at > back], 30, "readings after the broker's return")
    wait_for(lambda: observer.on("/backlog"), 10, "the backlog")
    time.sleep(2)
    messages = live_messages(observer)
    check_schemas(messages)
    states = [m.json for m in observer.on("/backlog") if m.json["topic"] == "state"]
    assert len(states) >= 4, "states were told once a second while the broker was away"
    assert [s["payload"]["ts"] for s in states] == sorted(s["payload"]["ts"] for s in states)
    assert all(m.json["topic"] != "reading" for m in observer.on("/backlog"))
    check_sequence([m for m in messages if below(m) in ("state", "summary", "event", "backlog")])
    first = json.loads(observer.on("/reading")[-1].payload)["session"]
    assert all(m.json["session"] == first for m in observer.on("/state"))
    assert gone < back


def test_hostile_commands_change_nothing(start: Start, observer: Observer) -> None:
    service = start()
    observer.wait("/reading", 20)
    for topic in ("privacy/set", "config/decision.enter/set", "config/x/y/set", "request/info", "request/no such"):
        for payload in (b"", os.urandom(200), b"[" * 20_000, b'{"a":' * 5000, b"\xff" * 100, b"NaN", b"1e999", b"{}"):
            if (topic, payload[:1]) != ("request/info", b"{"):
                observer.send(f"{PREFIX}/{topic}", payload, qos=0)
    observer.send(f"{PREFIX}/config/decision.enter/set", b"9" * 10_000_000)
    before = len(observer.on("/reading"))
    wait_for(lambda: len(observer.on("/reading")) > before + 1, 10, "readings to go on")
    assert {m.payload for m in observer.on("/config/decision.enter")} == {b"0.42"}
    assert {m.payload for m in observer.on(f"{PREFIX}/privacy")} == {b"OFF"}
    observer.send(f"{PREFIX}/request/health", '{"transaction": "t1"}')
    answer = observer.wait("/response/health", 5, lambda m: m.json["transaction"] == "t1").json
    assert answer["status"] == "ok"
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


def test_one_modality_fails_and_the_other_goes_on(start: Start, observer: Observer, tmp_path: Path) -> None:
    start(camera={"source": str(tmp_path / "nothing.mp4")})
    status = observer.wait("/status/camera", 10, lambda m: m.json["state"] == "offline").json
    assert "nothing.mp4" in status["reason"]
    reading = observer.wait("/reading", 20).json
    assert reading["face"] is None
    assert reading["speech"] is not None


def test_people_one_by_one_only_while_the_owner_wants_it(start: Start, observer: Observer) -> None:
    def told() -> list[Heard]:
        return [message for message in list(observer.messages) if below(message).startswith("person/")]

    service = start()
    observer.wait("/reading", 20, lambda m: bool(m.json["face"]))
    assert told() == []
    observer.send(f"{PREFIX}/config/publish.people/set", "true")
    (one, *_) = wait_for(told, 5, "a person")
    check_schemas([one])
    assert one.topic == f"{PREFIX}/person/{one.json['track']}"
    assert one.json["why"]["face"]["quality"].keys() == {"size", "sharpness", "light", "pose", "cover"}
    assert one.json["because"]
    observer.send(f"{PREFIX}/config/publish.people/set", "false")
    off = observer.wait("/config/publish.people", 5, lambda m: m.payload == b"false" and m.at > one.at).at
    later = observer.wait("/reading", 5, lambda m: m.at > off).at
    observer.wait("/reading", 5, lambda m: m.at > later)
    assert [message for message in told() if message.at > later] == []
    assert service.stop() == 0


def test_killed_and_started_again(start: Start, observer: Observer) -> None:
    service = start()
    observer.wait("/reading", 20)
    service.signal(signal.SIGKILL)
    service.wait()
    observer.wait("/availability", 10, lambda m: m.payload == b"offline")
    observer.messages.clear()
    service.start()
    observer.wait("/availability", 10, lambda m: m.payload == b"online" and not m.retained)
    observer.wait("/reading", 20)


def test_for_some_seconds(start: Start, observer: Observer) -> None:
    service = start("--for", "3")
    observer.wait("/availability", 10, lambda m: m.payload == b"online")
    assert service.wait(15) == 0


@pytest.mark.parametrize("bad", ["fps = 9000", "fsp = 3", "fps = "])
def test_a_config_that_cannot_be_used_ends_with_78_and_says_why(
    start: Start, observer: Observer, tmp_path: Path, bad: str
) -> None:
    service = start("--for", "0.1")
    service.wait(15)
    service.config.write_text(service.config.read_text().replace("[camera]", f"[camera]\n{bad}"))
    service.log.write_text("")
    service.start()
    assert service.wait(10) == 78
    said = service.log.read_text()
    assert "Traceback" not in said
    if bad != "fps = ":  # then nothing of the file can be read
        assert "camera.f" in said
        told = observer.wait("/info", 5, lambda m: m.json["config_error"] is not None)
        assert "camera" in told.json["config_error"]
        check_schemas([told])
