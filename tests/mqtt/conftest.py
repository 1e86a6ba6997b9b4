"""Fixtures: brokers on free loopback ports, subscribers, and publishers that are always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edge.config import schema
from edge.device.clock import SystemClock
from edge.messages.commands import Command
from edge.mqtt.publisher import Publisher
from tests.mqtt.parts import DEVICE, QUICK, Ear, Mosquitto, Rig


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    started: list[Mosquitto] = []

    def start(listener: str = "", access: str = "allow_anonymous true") -> Mosquitto:
        started.append(Mosquitto(tmp_path, listener, access))
        return started[-1]

    yield start
    for each in started:
        if each.process:
            os.kill(each.process.pid, signal.SIGCONT)
        each.kill()


@pytest.fixture
def broker(mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return mosquitto()


@pytest.fixture
def listen(broker: Mosquitto) -> Iterator[Callable[..., Ear]]:
    ears: list[Ear] = []

    def make(port: int | None = None, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> Ear:
        ears.append(Ear(port or broker.port, protocol))
        return ears[-1]

    yield make
    for each in ears:
        each.close()


@pytest.fixture
def ear(listen: Callable[..., Ear]) -> Ear:
    return listen()


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    started: list[Publisher] = []

    def make(port: int, *, start: bool = True, password: str | None = None, **given: Any) -> Rig:
        commands: list[Command] = []
        mqtt = {key: given.pop(key) for key in list(given) if key in schema.MqttConfig.__struct_fields__}
        publisher = Publisher(
            schema.MqttConfig(**{"host": "127.0.0.1", "port": port, **mqtt}),
            given.pop("outbox", schema.OutboxConfig()),
            password=password,
            **{
                "device": DEVICE,
                "client_id": "test-shelf",
                "folder": tmp_path / "state",
                "clock": SystemClock(),
                "on_command": commands.append,
                "retry": QUICK,
                "synced": lambda: True,
                **given,
            },
        )
        started.append(publisher)
        if start:
            publisher.start()
        return Rig(publisher, commands)

    yield make
    for each in started:
        each.stop()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
