"""Several brokers: the next one takes over, and the preferred one gets us back."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config.load import load
from edge.config.schema import MqttConfig
from edge.config.systemd_dropin import needs
from edge.errors import ConfigError
from edge.messages.payloads import EventPayload
from edge.mqtt.session import connect
from tests.faults.proxy import Proxy
from tests.mqtt.parts import QUICK, Ear, Mosquitto, Rig, until
from tests.mqtt.stub_broker import StubBroker

PATIENT = replace(QUICK, next_broker=0.05, preferred=1_000.0)


def addresses(*brokers: Mosquitto | StubBroker) -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{broker.port}" for broker in brokers)


@pytest.mark.parametrize(
    ("written", "host", "port", "hosts"),
    [
        ('hosts = ["a:8883", "b"]', "a", 8883, ("a:8883", "b:1883")),
        ('hosts = ["a", "b"]\ntls = true', "a", 8883, ("a:8883", "b:8883")),
        ('host = "c"\nhosts = ["a:1", "c"]', "c", 1883, ("c:1883", "a:1")),
        ('hosts = ["[fe80::1]:1884", "[::1]"]\nport = 9', "fe80::1", 1884, ("[fe80::1]:1884", "[::1]:9")),
        ('host = "a"', "a", None, ()),
    ],
)
def test_how_they_are_written(
    tmp_path: Path, written: str, host: str, port: int | None, hosts: tuple[str, ...]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[mqtt]\n{written}\n")
    loaded = load(config).config
    mqtt = loaded.mqtt
    assert (mqtt.host, mqtt.port, mqtt.hosts) == (host, port, hosts)
    each = mqtt.each()
    assert (each[0].host, each[0].port) == (host, port)
    assert len(each) == max(1, len(hosts))
    assert all(one.hosts == () or not hosts for one in each)
    assert needs(loaded, jetson=False).hosts == tuple(one.host for one in each)


@pytest.mark.parametrize("wrong", ["mqtts://a", "a:0", "a:65536", "a b", "", "a:b:c", "user@a"])
def test_what_is_no_broker(tmp_path: Path, wrong: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[mqtt]\nhosts = ["{wrong}"]\n')
    with pytest.raises(ConfigError, match="hosts"):
        load(config)


def test_the_next_one_takes_over_and_nothing_is_lost(
    mosquitto: Callable[..., Mosquitto], listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    first, second = mosquitto(), mosquitto()
    ear = listen(second.port)
    rig = publish(first.port, hosts=addresses(first, second), retry=PATIENT).ready()
    assert not ear.heard
    first.kill()
    for number in range(20):
        rig.publisher.publish("event", EventPayload(event="person_gone", people=number))
    until(lambda: ear.on("availability"))
    until(lambda: len(_events(ear)) == 20)
    assert _events(ear) == set(range(20))
    assert rig.publisher.status().reason == ""


def _events(ear: Ear) -> set[int]:
    live = [each.json for each in ear.on("event")]
    waited = [each.json["payload"] for each in ear.on("backlog")]
    return {each["people"] for each in [*live, *waited]}


def test_back_to_the_preferred_one_without_looking_online_twice(
    mosquitto: Callable[..., Mosquitto], listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    first, second = mosquitto(), mosquitto()
    first.kill()
    ear = listen(second.port)
    quick = replace(PATIENT, preferred=0.3)
    rig = publish(first.port, hosts=addresses(first, second), retry=quick).ready()
    until(lambda: [each.text for each in ear.on("availability")] == [b"online"])
    first.start()
    until(lambda: [each.text for each in ear.on("availability")] == [b"online", b"offline"])
    back = listen(first.port)
    until(lambda: back.on("availability") and back.on("availability")[-1].text == b"online")
    rig.ready()
    assert rig.publisher.status().connections == 2


def test_one_that_accepts_and_stays_mute_is_left_for_the_next(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig]
) -> None:
    mute, good = StubBroker("stays mute"), mosquitto()
    publish(mute.port, hosts=addresses(mute, good), retry=PATIENT).ready()
    mute.close()


def test_while_none_is_there_the_rounds_become_rarer(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = mosquitto(), mosquitto()
    first.kill()
    second.kill()
    rig = publish(first.port, hosts=addresses(first, second), retry=PATIENT)
    until(lambda: rig.publisher._reconnector._attempts >= 6)
    second.start()
    rig.ready()
    assert caplog.text.count("nothing is listening") == 2  # one line for each broker


def test_a_command_takes_the_one_that_works(mosquitto: Callable[..., Mosquitto]) -> None:
    first, second = mosquitto(), mosquitto()
    first.kill()
    with connect(MqttConfig(hosts=addresses(first, second)), None) as session:
        assert session.connected


def test_a_broker_that_rewrites_topics_is_noticed_and_understood(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    """What RabbitMQ does to a dot, done on the wire."""

    def rewritten(data: bytes) -> bytes:
        return re.sub(rb"config/([a-z]+)\.([a-z]+)", rb"config/\1/\2", data)

    proxy = Proxy(broker.port, change=rewritten)
    rig = publish(proxy.port).ready()
    rig.publisher.publish("config/decision.enter", "0.45")
    until(lambda: ear.on("config/decision/enter"))
    until(lambda: rig.publisher.status().rewrites_topics)
    assert "config/decision/enter" in caplog.text
    ear.say("config/decision/enter/set", "0.5")
    until(lambda: rig.commands)
    assert (rig.commands[0].name, rig.commands[0].value) == ("decision.enter", 0.5)
    proxy.close()


def test_a_broker_that_leaves_topics_alone(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    rig = publish(broker.port).ready()
    until(lambda: ear.on("config/topic.test/set"))
    ear.say("config/decision/enter/set", "0.5")  # understood everywhere
    until(lambda: rig.commands)
    assert not rig.publisher.status().rewrites_topics
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_what_is_sent_is_counted(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    publisher = publish(broker.port).ready().publisher
    until(lambda: ear.on("availability"))
    before = publisher.status().sent_bytes_today
    assert before >= len("emotion/shelf/availabilityonline")
    publisher.publish("event", EventPayload(event="person_gone"))
    until(lambda: ear.on("event"))
    until(lambda: publisher.status().sent_bytes_today > before)
    assert publisher.status().sent_bytes_today - before == len("emotion/shelf/event") + len(ear.on("event")[0].text)
