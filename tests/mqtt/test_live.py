"""With the broker there: what arrives, how it is marked, and who is told what."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jsonschema
import paho.mqtt.client as paho
import pytest

from edge.errors import StorageError
from edge.messages.payloads import (
    EventPayload,
    FacePayload,
    HealthPayload,
    InfoPayload,
    ReadingPayload,
    SourcePayload,
    StatePayload,
)
from edge.messages.schema import schemas
from edge.readings import LABELS
from tests.helpers.broker import free_port
from tests.mqtt.parts import ROOT, Ear, Mosquitto, Rig, unclosed_by_paho, until

pytestmark = unclosed_by_paho

EVEN = dict.fromkeys(LABELS, 1 / len(LABELS))


def event(people: int = 1) -> EventPayload:
    return EventPayload(event="person_appeared", people=people)


def reading() -> ReadingPayload:
    return ReadingPayload(probabilities=EVEN, label="neutral", confidence=0.5, valence=0.1, arousal=-0.1, people=1)


def state() -> StatePayload:
    return StatePayload(label="happy", confidence=0.9, since="", for_s=3.0, people=1, modalities=("face",))


@pytest.mark.parametrize(("ours", "theirs"), [("5", paho.MQTTv5), ("3.1.1", paho.MQTTv311)])
def test_each_topic_arrives_by_its_rules(
    broker: Mosquitto, listen: Callable[..., Ear], publish: Callable[..., Rig], ours: str, theirs: Any
) -> None:
    ear = listen(protocol=theirs)
    publisher = publish(broker.port, protocol=ours).ready().publisher
    publisher.publish("reading", reading())
    publisher.publish("state", state())
    publisher.publish("event", event())
    publisher.publish("status/camera", SourcePayload(state="online"))
    publisher.publish("privacy", "OFF")
    publisher.publish("config/decision.enter", "0.45")
    until(lambda: ear.on("config/decision.enter"))
    for topic, qos in {"reading": 0, "state": 1, "event": 1, "status/camera": 1}.items():
        (heard,) = ear.on(topic)
        jsonschema.validate(heard.json, schemas()[topic.split("/", maxsplit=1)[0]])
        assert heard.qos == qos
        assert (heard.json["seq"], heard.json["session"]) == (1, publisher.session)
        assert abs(heard.at - epoch(heard.json["ts"])) < 1
    assert not ear.on("backlog")

    late = listen(protocol=theirs)
    until(lambda: late.on("config/decision.enter"))
    kept = {each.topic: each.text for each in late.heard if each.retained}
    assert set(kept) == {"availability", "status/camera", "privacy", "config/decision.enter"}
    assert kept["availability"] == b"online"
    assert kept["privacy"] == b"OFF"


def epoch(ts: str) -> float:
    return datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp()


def test_websockets(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], listen: Callable[..., Ear]
) -> None:
    plain = mosquitto()
    port = free_port()
    broker = mosquitto(listener=f"listener {port} 127.0.0.1\nprotocol websockets")
    ear = listen(broker.port)
    publisher = publish(port, transport="websockets").ready().publisher
    publisher.publish("event", event())
    until(lambda: ear.on("event"))

    wrong = publish(plain.port, transport="websockets", client_id="other")
    until(lambda: wrong.state == "unreachable")
    assert "websockets" in wrong.publisher.status().reason


def test_stop_says_offline_and_so_does_death(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    rig = publish(broker.port).ready()
    until(lambda: [each.text for each in ear.on("availability")] == [b"online"])
    rig.publisher.publish("event", event())
    began = time.monotonic()
    rig.publisher.stop()
    assert time.monotonic() - began < 1
    assert rig.state == "stopped"
    assert not rig.publisher.connected
    until(lambda: [each.text for each in ear.on("availability")] == [b"online", b"offline"])
    assert len(ear.on("event")) == 1

    again = publish(broker.port).ready()
    until(lambda: ear.on("availability")[-1].text == b"online")
    again.publisher._reconnector._connection.abort()  # type: ignore[union-attr]  # as if the device had died
    until(lambda: b"offline" in [each.text for each in ear.on("availability")[3:]], what="last will")
    until(lambda: ear.on("availability")[-1].text == b"online", what="and we are back")


def test_what_is_said_before_the_first_connect_is_live(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]
) -> None:
    rig = publish(broker.port, start=False)
    rig.publisher.publish("event", event())
    rig.publisher.start()
    until(lambda: ear.on("event"))
    assert not ear.on("backlog")


def test_live_topics_never_carry_what_is_old(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    publisher = publish(broker.port).ready().publisher
    old = time.monotonic() - 6
    publisher.publish("reading", reading(), captured=old)
    publisher.publish("event", event(), captured=old)
    publisher.publish("event", event())
    until(lambda: ear.on("event") and ear.on("backlog"))
    (waited,) = ear.on("backlog")
    jsonschema.validate(waited.json, schemas()["backlog"])
    assert waited.json["topic"] == "event"
    inner = waited.json["payload"]
    jsonschema.validate(inner, schemas()["event"])
    assert inner["seq"] == 1
    assert 5 < waited.at - epoch(inner["ts"]) < 8
    assert ear.on("event")[0].json["seq"] == 2
    assert not ear.on("reading")


def test_numbers_without_gaps_from_many_threads(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    publisher = publish(broker.port).ready().publisher

    def talk() -> None:
        for _ in range(50):
            publisher.publish("event", event())
            publisher.publish("reading", reading())
            publisher.publish("face/3", _face())

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    until(lambda: len(ear.on("event")) == 200)
    for topic in ("event", "reading", "face/3"):
        assert [each.json["seq"] for each in ear.on(topic)] == list(range(1, 201))


def _face() -> FacePayload:
    return FacePayload(track=3, probabilities=EVEN, quality=0.5, size_px=80)


def test_a_small_window_of_the_broker_is_respected(
    mosquitto: Callable[..., Mosquitto], listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    broker = mosquitto(access="allow_anonymous true\nmax_inflight_messages 2")
    ear = listen(broker.port)
    publisher = publish(broker.port).ready().publisher
    for number in range(100):
        publisher.publish("event", event(number))
    until(lambda: len(ear.on("event")) == 100)
    assert publisher.status().connections == 1


def test_a_wrong_topic_or_payload_is_the_callers_fault(publish: Callable[..., Rig]) -> None:
    publisher = publish(1, start=False).publisher
    with pytest.raises(KeyError):
        publisher.publish("emotions", event())
    with pytest.raises(TypeError, match="EventPayload"):
        publisher.publish("event", reading())
    with pytest.raises(TypeError, match="str"):
        publisher.publish("privacy", event())


def test_what_cannot_be_encoded_does_not_stop_the_rest(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = publish(broker.port).ready().publisher
    publisher.publish("info", _info({"odd": object()}))
    publisher.publish("event", event())
    until(lambda: ear.on("event"))
    assert "publisher: handle" in caplog.text
    publisher.publish("info", _info({"fine": 1}))
    until(lambda: ear.on("info"))
    assert ear.on("info")[0].json["seq"] == 1


def _info(config: dict[str, Any]) -> InfoPayload:
    return InfoPayload(
        version="1", device="d", board="b", runtime="r", python="3", models={}, labels=LABELS, config=config
    )


def test_lasting_words_are_said_again_to_a_broker_that_forgot(
    broker: Mosquitto, listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    rig = publish(broker.port).ready()
    rig.publisher.publish("status/camera", SourcePayload(state="offline", reason="unplugged"))
    rig.publisher.publish("privacy", "ON")
    time.sleep(0.1)
    broker.kill()
    until(lambda: not rig.publisher.connected)
    rig.publisher.publish("status/camera", SourcePayload(state="online"))
    broker.start()
    rig.ready()
    ear = listen()
    until(lambda: len([each for each in ear.heard if each.retained]) == 3)
    assert ear.on("status/camera")[0].json["state"] == "online"
    assert ear.on("status/camera")[0].json["seq"] == 2
    assert ear.on("privacy")[0].text == b"ON"


def test_the_default_names_hold_in_a_broker(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    publisher = publish(broker.port, base="home/ground floor").ready().publisher
    publisher.publish("health", _health())
    until(lambda: any(each.topic == "home/ground floor/shelf/health" for each in ear.heard))
    assert ROOT not in {each.topic for each in ear.heard}


def _health() -> HealthPayload:
    return HealthPayload(
        uptime_s=1, fps=1, frames=1, frames_dropped=0, sound_dropped_s=0, queue=0, latency_ms=None,
        cpu_percent=1, rss_mb=1,
    )  # fmt: skip


def test_payloads_are_plain_json(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    publish(broker.port).ready().publisher.publish("state", state())
    until(lambda: ear.on("state"))
    assert json.loads(ear.on("state")[0].text)["label"] == "happy"


def test_a_thread_that_died_is_seen_and_can_be_started_again(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may stay deaf and look connected: the last will tells that we are gone, and whoever supervises sees it."""
    publisher = publish(broker.port).ready().publisher
    beat = publisher.heartbeat
    until(lambda: publisher.heartbeat > beat)
    assert publisher.alive

    def fail(_wall: float | None) -> None:
        raise RuntimeError("a fault that nobody thought of")

    with monkeypatch.context() as patched:
        patched.setattr(publisher._outbox, "tick", fail)
        until(lambda: not publisher.alive)
    assert not publisher.connected
    until(lambda: ear.on("availability")[-1].text == b"offline")
    publisher.publish("event", event())
    publisher.start()
    until(lambda: publisher.connected)
    until(lambda: ear.on("availability")[-1].text == b"online")
    until(lambda: ear.on("event") or ear.on("backlog"))
    assert not publisher.stopping


def test_a_purge_that_failed_reaches_whoever_asked_for_it(
    broker: Mosquitto, publish: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = publish(broker.port).ready().publisher

    def refuse() -> None:
        raise StorageError("the disk is read-only")

    with monkeypatch.context() as patched:
        patched.setattr(publisher._outbox, "purge", refuse)
        with pytest.raises(StorageError, match="read-only"):
            publisher.purge()
    publisher.purge()
    assert publisher.alive
