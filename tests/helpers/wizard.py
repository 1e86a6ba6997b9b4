"""The wizard as `emotion-edge dashboard --setup` serves it, in this process: its devices are the sample scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge.config.schema import CameraConfig, Config, DashboardConfig, MicrophoneConfig, MqttConfig
from edge.device.clock import SystemClock
from edge.device.privacy import Gate
from edge.doctor.findings import Finding
from edge.errors import ConfigError
from edge.wizard.page import Wizard
from edge.wizard.switch import Switch
from edge.wizard.wanted import Wanted, beside_broker
from edge.wizard.word import ShownWord
from tests.helpers.broker import free_port

WORD = "abcdefghjk"


@dataclass
class Rig:
    """The page, and what it was asked to save."""

    wizard: Wizard
    port: int
    gate: Gate
    saved: list[Wanted] = field(default_factory=list)


@contextmanager
def wizard(folder: Path, *, broker: int | None = None, shows: bool = True) -> Iterator[Rig]:
    """At 127.0.0.1; `broker` is the port of one on loopback."""
    clock = SystemClock()
    before = Config(
        camera=CameraConfig(source="sample"),
        microphone=MicrophoneConfig(source="sample"),
        mqtt=MqttConfig(host="127.0.0.1", port=broker),
    )
    port = free_port()
    gate = Gate(folder, before.privacy, clock)
    rigs: list[Rig] = []

    def save(wanted: Wanted) -> list[str]:
        beside_broker(wanted, before)
        if not wanted.host:
            raise ConfigError("mqtt.host: the broker's name or address is missing")
        rigs[0].saved.append(wanted)
        return ["wrote /etc/emotion-edge/config.toml", "next: systemctl enable --now emotion-edge"]

    page = Wizard(
        DashboardConfig(enabled=True, port=port),
        before,
        secret=ShownWord(WORD),
        switch=Switch(gate, lambda: folder.mkdir(exist_ok=True)),
        save=save,
        password_for=lambda wanted: wanted.password or None,
        examine=lambda: [
            Finding("config", "green", "valid"),
            Finding("camera", "yellow", "sample: dark", "add light"),
            Finding("broker", "red", "nothing is listening at 127.0.0.1:1", "is the broker running?"),
        ],
        shows=shows,
        clock=clock,
    )
    rigs.append(Rig(page, port, gate))
    page.start()
    try:
        yield rigs[0]
    finally:
        page.stop()
