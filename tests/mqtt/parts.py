"""What these tests are made with: a real mosquitto, an independent subscriber, a publisher and its commands."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.demo.local_broker import find_mosquitto
from edge.messages.commands import Command
from edge.mqtt.publisher import Publisher
from edge.mqtt.retry import RetryPolicy
from tests.helpers.broker import free_port

QUICK = RetryPolicy(
    first=0.1, most=0.3, slow=0.3, steady=1.0, connect=2.0, accept=1.0, answer=1.0, settle=2.0, backlog_per_s=1000.0
)
DEVICE = "shelf"
ROOT = f"emotion/{DEVICE}"


# paho leaves a socket to the garbage collector when TLS or websockets fail to come about.
unclosed_by_paho = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(ssl|socket):pytest.PytestUnraisableExceptionWarning"
)


def until(true: Callable[[], Any], seconds: float = 8.0, what: str = "") -> None:
    """Wait for something to become true; fail if it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s: {what or true}"
        time.sleep(0.01)


class Mosquitto:
    """Starts, is killed, comes back on the same port."""

    def __init__(self, folder: Path, listener: str = "", access: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self.config = folder / f"mosquitto-{self.port}.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}\nuser root\nmax_queued_messages 0\n"
            f"log_dest none\npersistence false\n{access}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        program = find_mosquitto()
        assert program, "mosquitto is needed: apt install mosquitto"
        self.process = subprocess.Popen(
            [program, "-c", self.config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

        def listens() -> bool:
            assert self.process
            assert self.process.poll() is None, self.config.read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        until(listens)

    def send(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


class Heard:
    """One message as it arrived."""

    def __init__(self, message: paho.MQTTMessage) -> None:
        self.at = time.time()
        self.topic = message.topic.removeprefix(f"{ROOT}/")
        self.text = message.payload
        self.retained = message.retain
        self.qos = message.qos
        self.correlation = getattr(message.properties, "CorrelationData", None)

    @property
    def json(self) -> dict[str, Any]:
        found = msgspec.json.decode(self.text)
        assert isinstance(found, dict)
        return found


class Ear:
    """A subscriber that comes back by itself and notes everything."""

    def __init__(self, port: int, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.client.reconnect_delay_set(min_delay=1, max_delay=1)
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_disconnect = lambda *_: self._subscribed.clear()
        self.client.on_message = lambda _client, _data, message: self.heard.append(Heard(message))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.wait()

    @property
    def subscribed(self) -> bool:
        return self._subscribed.is_set()

    def wait(self) -> None:
        assert self._subscribed.wait(8)

    def on(self, topic: str) -> list[Heard]:
        return [each for each in list(self.heard) if each.topic == topic]

    def say(self, topic: str, payload: bytes | str, retain: bool = False, properties: Any = None) -> None:
        self.client.publish(f"{ROOT}/{topic}", payload, 1, retain, properties).wait_for_publish(8)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Rig:
    """A publisher and what it was asked to do."""

    def __init__(self, publisher: Publisher, commands: list[Command]) -> None:
        self.publisher = publisher
        self.commands = commands

    @property
    def state(self) -> str:
        return self.publisher.status().state

    def ready(self) -> Rig:
        until(lambda: self.publisher.connected, what=f"connected: {self.publisher.status()}")
        return self
