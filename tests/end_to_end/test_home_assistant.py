"""The announcement at a real broker, from the real process, seen from where Home Assistant would be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.service import Service, toml
from tests.homeassistant.rules import broken, expanded

pytestmark = pytest.mark.timeout(300)
ROOT = "emotion/shelf"
TOPIC = "homeassistant/device/shelf/config"
Blind = Callable[..., Service]


@pytest.fixture
def blind(tmp_path: Path, broker: Broker) -> Iterator[Blind]:
    """The service without camera and microphone, which is up in a moment."""
    services: list[Service] = []

    def start(**home_assistant: Any) -> Service:
        config = toml(
            device={"name": "shelf"},
            camera={"source": str(tmp_path / "none.mp4")},
            microphone={"enabled": False},
            mqtt={"host": "127.0.0.1", "port": broker.port},
            home_assistant=home_assistant,
        )
        services.append(Service(tmp_path, config))
        return services[-1].start()

    yield start
    for service in services:
        service.stop()


def forget(broker: Broker, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", "forget", "--broker", f"127.0.0.1:{broker.port}", "--device", "shelf", *words],
        capture_output=True, text=True, timeout=90, check=False, env={**os.environ, "EMOTION_EDGE_CONFIG": ""},
    )  # fmt: skip


def kept(broker: Broker) -> set[str]:
    """What a newcomer gets at once."""
    late = Observer(broker.port)
    try:
        time.sleep(0.5)
        return {message.topic for message in late.messages if message.retained}
    finally:
        late.close()


def test_announced_told_again_taken_back(blind: Blind, observer: Observer, broker: Broker) -> None:
    service = blind()
    first = observer.wait(TOPIC, 60)
    assert broken(expanded(first.json)) == []
    assert first.json["avty"] == [{"topic": f"{ROOT}/availability"}]
    observer.wait(f"{ROOT}/availability", 10, lambda m: m.payload == b"online")
    for word in ("nonsense", "offline", "x" * 100_000):
        observer.send("homeassistant/status", word)
    time.sleep(0.5)
    assert len(observer.on(TOPIC)) == 1
    observer.send("homeassistant/status", "online")
    wait_for(lambda: len(observer.on(TOPIC)) == 2, 20, "the announcement once more")
    assert TOPIC in kept(broker)

    observer.send(f"{ROOT}/config/publish.state_every_s/set", "60")
    changed = observer.wait(TOPIC, 10, lambda m: b'"exp_aft":152' in m.payload).json
    assert broken(expanded(changed)) == []

    broker.kill()
    time.sleep(0.5)
    observer.messages.clear()
    broker.start()
    observer.wait(TOPIC, 60, lambda m: bool(m.payload))

    assert service.stop() == 0
    assert TOPIC in kept(broker), "a device that is off is still a device"
    observer.messages.clear()
    off = blind(enabled=False)
    observer.wait(TOPIC, 60, lambda m: m.payload == b"")
    observer.wait(f"{ROOT}/info", 60)
    off.stop()
    assert TOPIC not in kept(broker)
    assert "Traceback" not in service.log.read_text()


def test_a_house_that_asks_for_nonsense_is_answered_each_time_and_noted_once(blind: Blind, observer: Observer) -> None:
    service = blind()
    observer.wait(f"{ROOT}/config/decision.enter", 60)
    values = len(observer.on(f"{ROOT}/config/decision.enter"))
    for _ in range(20):
        observer.send(f"{ROOT}/config/decision.enter/set", "7")  # out of bounds
        observer.send(f"{ROOT}/config/decision.enter/set", "unavailable")  # what a template says of a lost sensor
        observer.send(f"{ROOT}/privacy/set", "unknown")

    def answers(name: str) -> int:
        return len([m for m in observer.on(f"{ROOT}/response/{name}") if m.json["status"] == "error"])

    wait_for(lambda: (answers("config"), answers("privacy")) == (40, 20), 20, "sixty answers")
    wait_for(lambda: len(observer.on(f"{ROOT}/config/decision.enter")) > values, 5, "the value that holds")
    assert {m.payload for m in observer.on(f"{ROOT}/config/decision.enter")} == {b"0.42"}
    assert {m.payload for m in observer.on(f"{ROOT}/privacy")} == {b"OFF"}
    refused = [line for line in service.log.read_text().splitlines() if "refused" in line]
    assert len(refused) == len(set(refused)) == 3, refused


def test_forget_clears_everything_of_one_device(blind: Blind, observer: Observer, broker: Broker) -> None:
    observer.send("emotion/other/info", json.dumps({"v": 1}), retain=True)
    observer.send(f"{ROOT}/privacy/set", "ON", retain=True)  # somebody's mistake, which lies there for good
    service = blind()
    observer.wait(TOPIC, 60)
    observer.wait(f"{ROOT}/config/log.level", 60)
    online = forget(broker)
    assert online.returncode == 1
    assert "stop the service first" in online.stderr
    assert TOPIC in kept(broker)
    service.stop()
    done = forget(broker)
    assert done.returncode == 0, done.stderr
    assert f"cleared {ROOT}/info" in done.stdout
    assert f"cleared {TOPIC}" in done.stdout
    assert kept(broker) == {"emotion/other/info"}
    nothing = forget(broker)
    assert nothing.returncode == 0
    assert "nothing of emotion/shelf" in nothing.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--device", "+"], "one device at a time"), (["--broker", "127.0.0.1:1"], "nothing is listening")],
)
def test_forget_says_why_it_does_not(broker: Broker, words: list[str], told: str) -> None:
    done = forget(broker, *words)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
