"""What is valid in a config and will still not work on this device: `emotion-edge check` warns of it."""

from __future__ import annotations

import os
from pathlib import Path

from edge.config.schema import Config
from edge.config.secrets import exposed, mqtt_password
from edge.device.paths import SYSTEM_CONFIG
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
    if config.mqtt.username and not config.mqtt.tls and not _stays_here(config.mqtt.host):
        found.append("mqtt.tls: is off, so the password is sent in clear text; set it to true")
    for key, name in named_files(config).items():
        if key != "mqtt.password_file" and not os.access(name, os.R_OK, effective_ids=True):
            found.append(f"{key}: {name} cannot be read; check that it exists and that the service may read it")
    if path is not None and path.parent == SYSTEM_CONFIG.parent and path != SYSTEM_CONFIG and not config.device.name:
        found.append(
            "device.name: not set; a second instance needs its own name, or the two replace each other at the broker"
        )
    return found


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
