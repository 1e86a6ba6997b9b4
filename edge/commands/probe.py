"""Asks a broker once whether it would have us."""

from __future__ import annotations

import queue
import ssl
import time
import uuid
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.config.schema import Mqtt


def probe(settings: Mqtt, password: str | None, timeout_s: float = 5.0) -> str | None:
    """None if the broker accepts us with these settings, else why not, with the remedy."""
    port = settings.port or (8883 if settings.tls else 1883)
    where = f"{settings.host} port {port}"
    answers: queue.Queue[str | None] = queue.Queue()
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"emotion-edge-setup-{uuid.uuid4().hex[:8]}",
        protocol=paho.MQTTv5 if settings.protocol == "5" else paho.MQTTv311,
        transport=settings.transport,
    )

    def answered(_client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        answers.put(f"refused by {where}: {reason}" if reason.is_failure else None)

    client.on_connect = answered
    if settings.transport == "websockets":
        client.ws_set_options(path=settings.websocket_path)
    if settings.username:
        client.username_pw_set(settings.username, password)
    client.connect_timeout = timeout_s
    try:
        if settings.tls:
            client.tls_set(settings.ca_file or None, settings.cert_file or None, settings.key_file or None)
        client.connect(settings.host, port)
    except ssl.SSLError as error:
        return f"{where}: TLS failed: {error.reason or error}; is it a TLS port, and mqtt.ca_file its authority?"
    except (OSError, ValueError) as error:
        return f"{where}: cannot be reached: {error}; does a broker run there, and does it listen to the network?"
    end = time.monotonic() + timeout_s
    try:
        while time.monotonic() < end and answers.empty():
            client.loop(0.1)
        return f"{where}: no answer within {timeout_s:g} s; is it an MQTT broker?" if answers.empty() else answers.get()
    finally:
        client.disconnect()
        client.loop(0.1)
