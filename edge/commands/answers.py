"""What `setup` wants to know, from flags or asked on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.errors import ConfigError

_SCHEMES = {"": False, "mqtt": False, "tcp": False, "mqtts": True, "ssl": True}


@dataclass(slots=True)
class Answers:
    """None or empty: leave the key as it is."""

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

    def values(self) -> dict[str, Any]:
        """The answers as keys of the config."""
        tls = self.tls or self.ca_file is not None
        found: dict[str, Any] = {
            "device.name": self.name,
            "mqtt.host": self.host,
            # Written even where it is the usual one: the file may hold that of the broker before.
            "mqtt.port": self.port or (8883 if tls else 1883) if self.host else None,
            "mqtt.username": self.username,
            "mqtt.password_file": None if self.password_file is None else str(self.password_file),
            "mqtt.tls": tls or None,
            "mqtt.ca_file": None if self.ca_file is None else str(self.ca_file),
            "camera.source": self.camera,
            "microphone.source": self.microphone,
        }
        return {key: value for key, value in found.items() if value is not None}


def split_broker(text: str) -> tuple[str, int | None, bool]:
    """Host, port and whether TLS is meant, of HOST, HOST:PORT, [IPv6]:PORT or mqtt(s)://HOST:PORT."""
    scheme, separator, rest = text.strip().rpartition("://")
    if scheme not in _SCHEMES or not rest or (separator and not scheme):
        raise ConfigError(f"--broker: {text!r} is no broker; allowed: HOST, HOST:PORT, mqtts://HOST:PORT")
    if "@" in rest:
        raise ConfigError("--broker: takes no user or password; use --username and --password-file")
    if rest.count(":") > 1 and not rest.startswith("["):
        return rest, None, _SCHEMES[scheme]  # a bare IPv6 address
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or parts.path.strip("/") or (rest.endswith(":")):
        raise ConfigError(f"--broker: {text!r} is no broker; allowed: HOST, HOST:PORT, mqtts://HOST:PORT")
    return host, port, _SCHEMES[scheme]


def ask(given: Answers, question: Callable[[str], str], secret: Callable[[str], str]) -> Answers:
    """Ask for what the flags left open; an empty answer takes what stands in brackets."""
    while not given.host:
        try:
            text = question("MQTT broker, HOST or HOST:PORT [localhost]: ").strip() or "localhost"
            given.host, given.port, tls = split_broker(text)
            given.tls = given.tls or tls
        except ConfigError as error:
            print(error)
    if given.name is None:
        given.name = question("Name of this device [made from the machine's id]: ").strip() or None
    if given.username is None:
        given.username = question("User at the broker [none]: ").strip() or None
    if given.username and given.password_file is None:
        given.password = secret("Password (not shown) [none]: ") or None
    if given.camera is None:
        given.camera = question("Camera [auto]: ").strip() or None
    if given.microphone is None:
        given.microphone = question("Microphone [auto]: ").strip() or None
    return given
