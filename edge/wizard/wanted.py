"""What the page's form says, as one type, and the keys of the config that it means."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from edge.config import keys
from edge.config.schema import Config, MqttConfig
from edge.config.values import converted
from edge.errors import ConfigError


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """As typed in; empty text: nothing was said."""

    name: str = ""
    camera: str = "auto"
    microphone: str = "auto"
    host: str = ""
    port: int | None = None
    username: str = ""
    password: str = ""
    tls: bool = False
    ca_file: str = ""
    announce: bool = True
    area: str = ""
    language: str = "en"
    quiet_from: str = ""
    quiet_to: str = ""
    remote_off: bool = False
    page: bool = False


def wanted_of(config: Config) -> Wanted:
    """What the form shows at first. A password is never shown."""
    quiet = config.privacy.quiet_hours[0] if config.privacy.quiet_hours else None
    return Wanted(
        name=config.device.name or "",
        camera=config.camera.source,
        microphone=config.microphone.source,
        host=config.mqtt.host,
        port=config.mqtt.port,
        username=config.mqtt.username,
        tls=config.mqtt.tls,
        ca_file=config.mqtt.ca_file,
        announce=config.home_assistant.enabled,
        area=config.home_assistant.area or "",
        language=config.device.language,
        quiet_from=quiet.start if quiet else "",
        quiet_to=quiet.end if quiet else "",
        remote_off=config.privacy.remote_off,
        page=config.dashboard.enabled,
    )


def beside_broker(wanted: Wanted, before: Config) -> dict[str, Any]:
    """The keys that it changes, apart from those of broker, name and devices. ConfigError for what is not allowed."""
    if bool(wanted.quiet_from) != bool(wanted.quiet_to):
        raise ConfigError("privacy.quiet_hours: needs a beginning and an end, such as 22:00 and 07:00")
    hours = [{"start": wanted.quiet_from, "end": wanted.quiet_to}] if wanted.quiet_from else []
    more = [{"start": each.start, "end": each.end} for each in before.privacy.quiet_hours[1:]]
    said: dict[str, Any] = {
        "home_assistant.enabled": wanted.announce,
        "home_assistant.area": wanted.area.strip() or None,
        "device.language": wanted.language,
        "privacy.quiet_hours": [*hours, *more] or None,
        "privacy.remote_off": wanted.remote_off,
        "dashboard.enabled": wanted.page,
    }
    known = keys.types()
    for key, value in said.items():
        if value is not None:
            converted(key, known[key], value)
    present = {key: _plain(keys.value_of(before, key)) for key in said}
    return {key: value for key, value in said.items() if (value or None) != (present[key] or None)}


def broker_of(wanted: Wanted, before: MqttConfig) -> MqttConfig:
    """How to reach the broker that is meant. ConfigError for what is not allowed."""
    said = {
        "host": wanted.host.strip(), "port": wanted.port, "username": wanted.username.strip(), "tls": wanted.tls,
        "ca_file": wanted.ca_file.strip(), "base": before.base, "protocol": before.protocol,
    }  # fmt: skip
    if not said["host"]:
        raise ConfigError("mqtt.host: the broker's name or address is missing")
    known = keys.types()
    return MqttConfig(**{key: converted(f"mqtt.{key}", known[f"mqtt.{key}"], value) for key, value in said.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [{"start": each.start, "end": each.end} for each in value]
    return value
