"""A config that cannot be used ends the service; the broker is told why, if that part of the file can be read."""

from __future__ import annotations

import contextlib
import logging
import platform
import uuid
from pathlib import Path

import msgspec
from paho.mqtt import publish

from edge.config import schema
from edge.config.files import read_toml
from edge.config.secrets import mqtt_password
from edge.device.clock import SystemClock, system_synced
from edge.device.identity import device_name, machine_id
from edge.errors import EdgeError
from edge.messages.numbering import Stamp
from edge.messages.payloads import InfoPayload
from edge.mqtt import reasons
from edge.mqtt.tls import UnusableFiles, tls_context
from edge.readings import LABELS
from edge.version import __version__


def tell_broker(path: Path | None, problem: str) -> None:
    """Publish `info` with the problem, retained. Nothing is raised: this is a courtesy on the way out."""
    if path is None:
        return
    logging.getLogger("paho").setLevel(logging.CRITICAL)  # it grumbles on hanging up, though all went well
    with contextlib.suppress(EdgeError, UnusableFiles, msgspec.MsgspecError, OSError, ValueError):
        raw, _ = read_toml(path)
        mqtt = msgspec.convert(raw.get("mqtt", {}), schema.MqttConfig)
        name = device_name(msgspec.convert(raw.get("device", {}), schema.DeviceConfig).name, machine_id())
        if not mqtt.host or mqtt.transport != "tcp":
            return
        info = InfoPayload(
            version=__version__,
            device=name,
            board="",
            runtime="",
            python=platform.python_version(),
            models={},
            labels=LABELS,
            config={},
            config_error=problem,
        )
        password, clock = mqtt_password(mqtt), SystemClock()
        publish.single(
            f"{mqtt.base}/{name}/info",
            Stamp(uuid.uuid4().hex[:12], clock, system_synced).numbered("info", info, clock.monotonic())[0],
            qos=1,
            retain=True,
            hostname=mqtt.host,
            port=reasons.port(mqtt),
            tls=tls_context(mqtt) if mqtt.tls else None,  # type: ignore[arg-type]  # a context is taken too
            auth={"username": mqtt.username, "password": password} if mqtt.username else None,
            keepalive=5,
        )
