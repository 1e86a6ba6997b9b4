"""What is valid in a config and will still not work on this device: `emotion-edge check` warns of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from edge.config.files import read_toml
from edge.config.schema import Config
from edge.config.secrets import exposed, mqtt_password
from edge.device import paths
from edge.device.paths import is_of_system
from edge.errors import ConfigError


def advice(config: Config, path: Path | None) -> list[str]:
    """One line for each thing that will probably not work; a config with advice is still usable."""
    found = []
    if not config.mqtt.host:
        found.append("mqtt.host: no broker is configured, so the service will not start; run `emotion-edge setup`")
    try:
        mqtt_password(config.mqtt)
    except ConfigError as error:
        found.append(str(error))
    found += exposed(config, path)
    if config.mqtt.username and not config.mqtt.tls and not all(_stays_here(mqtt.host) for mqtt in config.mqtt.each()):
        found.append("mqtt.tls: is off, so the password is sent in clear text; set it to true")
    for key, name in named_files(config).items():
        if key != "mqtt.password_file" and not os.access(name, os.R_OK, effective_ids=True):
            found.append(f"{key}: {name} cannot be read; check that it exists and that the service may read it")
    if path is not None and is_of_system(path) and path != paths.SYSTEM_CONFIG and not config.device.name:
        found.append(
            "device.name: not set; a second instance needs its own name, or the two replace each other at the broker"
        )
    return found + _shared_devices(config, path)


def neighbours(path: Path) -> dict[Path, dict[str, Any]]:
    """The other configs of services on this machine, as raw tables; those that cannot be read are left out."""
    found = {}
    for other in sorted(path.parent.glob("*.toml")):
        with contextlib.suppress(ConfigError):
            if other.name != path.name:
                found[other] = read_toml(other)[0]
    return found


def source_in(raw: dict[str, Any], sense: str) -> str:
    """`camera.source` or `microphone.source` of a raw config; "none" where it is disabled."""
    table = raw.get(sense)
    table = table if isinstance(table, dict) else {}
    return str(table.get("source", "auto")) if table.get("enabled", True) else "none"


def _shared_devices(config: Config, path: Path | None) -> list[str]:
    """Two services that want the same camera or microphone: the second one never gets it."""
    if path is None or not is_of_system(path):
        return []
    found = []
    for sense, ours in (("camera", config.camera), ("microphone", config.microphone)):
        if not ours.enabled or ours.source not in ("auto", *_exclusive(ours.source)):
            continue
        for other, raw in neighbours(path).items():
            if source_in(raw, sense) == ours.source:
                found.append(
                    f'{sense}.source: is "{ours.source}" here and in {other.name}, so both want the same device; '
                    "name each by its stable path (`emotion-edge devices`)"
                )
    return found


def _exclusive(source: str) -> tuple[str, ...]:
    """A device, which has one user at a time; recordings and network cameras have many."""
    return (source,) if source.isdigit() or source.startswith(("/dev/", "picamera2", "csi")) else ()


def _stays_here(host: str) -> bool:
    return host in ("", "localhost", "::1") or host.startswith("127.")


def named_files(config: Config) -> dict[str, str]:
    """Every absolute path that the config names, by key."""
    mqtt = config.mqtt
    named = {
        "camera.source": config.camera.source if config.camera.enabled else "",
        "microphone.source": config.microphone.source if config.microphone.enabled else "",
        "mqtt.password_file": mqtt.password_file,
        "mqtt.ca_file": mqtt.ca_file,
        "mqtt.cert_file": mqtt.cert_file,
        "mqtt.key_file": mqtt.key_file,
    }
    return {key: name.removeprefix("file://") for key, name in named.items() if name.startswith(("/", "file:///"))}
