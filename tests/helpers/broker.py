"""A real mosquitto on a free loopback port, to be killed and brought back; and an independent subscriber."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

MOSQUITTO = shutil.which("mosquitto") or ("/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else None)

_PORTS = range(20_000, 32_768)  # below those that Linux gives to whoever connects, or asks for any


def free_port() -> int:
    """One that the system gives to nobody else, neither before its server listens nor while that is away."""
    while True:
        port = random.SystemRandom().choice(_PORTS)  # a seed of the tests must not give the same to two processes
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of `condition`, or a failure that says what was waited for."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)


class Broker:
    """mosquitto, loopback only."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nmax_queued_messages 0\n{extra}\nuser root\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._answers, 5, "mosquitto to answer")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It keeps its connections and does nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "mosquitto has ended: is its port another's?"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass(frozen=True)
class Heard:
    """One message as the observer got it."""

    topic: str
    payload: bytes
    retained: bool
    qos: int
    at: float  # wall clock

    @cached_property
    def json(self) -> Any:
        return json.loads(self.payload)


class Observer:
    """Subscribes to everything and remembers all of it; reconnects by itself, keeps its session."""

    def __init__(self, port: int, topic: str = "#") -> None:
        self.messages: list[Heard] = []
        self.connected = threading.Event()
        self._more = threading.Condition()
        self._topic = topic
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"observer-{port}-{time.monotonic_ns()}", clean_session=False
        )
        self._client.reconnect_delay_set(0.05, 0.05)  # type: ignore[arg-type]
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.connected.set()
        self._client.on_disconnect = lambda *_: self.connected.clear()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self.connected.wait(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes | str, *, retain: bool = False, qos: int = 1) -> None:
        self._client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(5)

    def send_quickly(self, topic: str, payload: bytes) -> None:
        """Without waiting for anything."""
        self._client.publish(topic, payload)

    def send_quickly_qos1(self, topic: str, payload: bytes) -> None:
        """Into paho's queue, which sends it until the broker has it."""
        self._client.publish(topic, payload, qos=1)

    def on(self, ending: str) -> list[Heard]:
        """All messages whose topic ends so."""
        return [message for message in list(self.messages) if message.topic.endswith(ending)]

    def wait(self, ending: str, seconds: float = 10.0, match: Callable[[Heard], bool] = lambda _: True) -> Heard:
        """The first message of that topic, past or coming, that matches."""
        for message in self._until(time.monotonic() + seconds):
            if message.topic.endswith(ending) and match(message):
                return message
        raise AssertionError(f"waited {seconds:.0f} s for a message on {ending}")

    def _until(self, end: float) -> Iterator[Heard]:
        """Each message once, past or coming. To look at all of them again and again would take the whole interpreter
        from those who hear and pass on, when many wait at once."""
        seen = 0
        while True:
            with self._more:
                while len(self.messages) <= seen:
                    left = end - time.monotonic()
                    if left <= 0:
                        return
                    self._more.wait(left)
                fresh = self.messages[seen:]
            seen += len(fresh)
            yield from fresh

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(self._topic, 1)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        heard = Heard(message.topic, bytes(message.payload), message.retain, message.qos, time.time())
        with self._more:
            self.messages.append(heard)
            self._more.notify_all()


@contextmanager
def observing(port: int) -> Iterator[Observer]:
    observer = Observer(port)
    try:
        yield observer
    finally:
        observer.close()
