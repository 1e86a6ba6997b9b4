"""What `setup` wants to know, from flags or asked on a terminal, and which keys of the config it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.commands.broker import same_broker, split_broker
from edge.config.schema import Config, MqttConfig
from edge.errors import ConfigError

# What is agreed with one broker and means nothing, or gives something away, to another.
OF_ONE_BROKER = (
    "hosts", "port", "protocol", "transport", "websocket_path", "username", "password_file", "tls", "ca_file",
    "cert_file", "key_file",
)  # fmt: skip
_PLAIN_PORT = 1883


@dataclass(slots=True)
class Answers:
    """None or empty: nothing was said about it."""

    host: str = ""
    port: int | None = None
    name: str | None = None
    username: str | None = None
    password: str | None = None  # typed in; goes to a file of its own
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    camera: str | None = None
    microphone: str | None = None

    def keeps_broker(self, before: Config) -> bool:
        """Whether the broker is still the one that the config named before."""
        return not self.host or same_broker(before.mqtt, self.host, self.port, tls=False)

    def changes(self, before: Config) -> dict[str, Any]:
        """The keys to set in a config that holds `before`; None unsets one. Nothing of another broker survives."""
        mqtt = before.mqtt
        tls = self.tls or self.ca_file is not None
        found: dict[str, Any] = {}
        if not self.keeps_broker(before):
            default = MqttConfig()
            found |= {f"mqtt.{key}": None for key in OF_ONE_BROKER if getattr(mqtt, key) != getattr(default, key)}
        elif tls and not mqtt.tls and mqtt.port == _PLAIN_PORT:
            found["mqtt.port"] = None  # TLS has another usual port
        if self.username is not None and self.username != mqtt.username and mqtt.password_file:
            found["mqtt.password_file"] = None  # another user's
        said = {
            "device.name": self.name,
            "mqtt.host": self.host or None,
            "mqtt.port": self.port,
            "mqtt.username": self.username,
            "mqtt.password_file": None if self.password_file is None else str(self.password_file),
            "mqtt.tls": tls or None,
            "mqtt.ca_file": None if self.ca_file is None else str(self.ca_file),
            "camera.source": self.camera,
            "microphone.source": self.microphone,
        }
        return found | {key: value for key, value in said.items() if value is not None}


def ask(
    given: Answers, question: Callable[[str], str], secret: Callable[[str], str], before: Config | None = None
) -> Answers:
    """Ask for what the flags left open; an empty answer takes what stands in brackets."""
    before = before or Config()
    host = before.mqtt.host or "localhost"
    while not given.host:
        try:
            text = question(f"MQTT broker, HOST, HOST:PORT or mqtts://HOST [{host}]: ").strip()
            if not text and before.mqtt.host:
                break
            given.host, given.port, tls = split_broker(text or host)
            given.tls = given.tls or tls
        except ConfigError as error:
            print(error)
    if given.name is None:
        name = before.device.name or "made from the machine's id"
        given.name = question(f"Name of this device [{name}]: ").strip() or None
    user = before.mqtt.username if given.keeps_broker(before) else ""
    if given.username is None:
        given.username = question(f"User at the broker [{user or 'none'}]: ").strip() or None
    if given.username and given.password_file is None:
        given.password = secret("Password (not shown) [none]: ") or None
    if given.camera is None:
        given.camera = question(f"Camera [{before.camera.source}]: ").strip() or None
    if given.microphone is None:
        given.microphone = question(f"Microphone [{before.microphone.source}]: ").strip() or None
    return given
