"""A config that cannot be used ends the service; the broker is told why, if that part of the file can be read."""

from __future__ import annotations

import contextlib
import platform
import threading
import uuid
from pathlib import Path

import msgspec

from edge.config import schema
from edge.config.files import read_toml
from edge.config.secrets import mqtt_password
from edge.device.clock import SystemClock, system_synced
from edge.device.identity import device_name, machine_id
from edge.messages.numbering import Stamp
from edge.messages.payloads import InfoPayload
from edge.mqtt import session
from edge.readings import LABELS
from edge.version import __version__

DEADLINE_S = 4.0  # whatever the broker, the network or the resolver of names does


def report_config_error(path: Path | None, problem: str) -> None:
    """Publish `info` with the problem, retained. Returns within seconds and never raises: it is a courtesy."""
    if path is None:
        return
    telling = threading.Thread(target=_report, args=(path, problem), name="config-error-report", daemon=True)
    telling.start()
    telling.join(DEADLINE_S)


def _report(path: Path, problem: str) -> None:
    with contextlib.suppress(Exception):  # the config is wrong in ways that nobody has thought of
        raw, _ = read_toml(path)
        mqtt = msgspec.convert(raw.get("mqtt", {}), schema.MqttConfig)
        device = msgspec.convert(raw.get("device", {}), schema.DeviceConfig)
        name = device_name(device.name, machine_id())
        if not mqtt.host:
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
        clock = SystemClock()
        stamp = Stamp(uuid.uuid4().hex[:12], clock, system_synced)
        text, _ = stamp.numbered("info", info, clock.monotonic())
        with session.connect(mqtt, mqtt_password(mqtt), timeout_s=DEADLINE_S) as broker:
            base = schema.topic_base(mqtt.base, device.tenant, device.site, device.group)
            broker.publish(f"{base}/{name}/info", text, retain=True, timeout_s=DEADLINE_S)
