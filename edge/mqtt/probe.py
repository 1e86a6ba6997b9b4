"""Asks a broker once whether it would have us."""

from __future__ import annotations

import queue
import time
import uuid
from typing import Any

import paho.mqtt.client as paho

from edge.config.schema import MqttConfig
from edge.mqtt import reasons
from edge.mqtt.client import new_client
from edge.mqtt.tls import UnusableFiles


def probe(settings: MqttConfig, password: str | None, timeout_s: float = 5.0) -> str | None:
    """None if the broker accepts us with these settings, else why not, with the remedy."""
    port = reasons.port(settings)
    where = f"{settings.host} port {port}"
    answers: queue.Queue[str | None] = queue.Queue()
    try:
        client = new_client(settings, password, f"emotion-edge-setup-{uuid.uuid4().hex[:8]}")
    except UnusableFiles as unusable:
        return f"{where}: {unusable.trouble.reason}"

    def answered(_client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        answers.put(reasons.from_code(settings, reason.value, str(reason)).reason if reason.is_failure else None)

    client.on_connect = answered
    client.connect_timeout = timeout_s
    try:
        client.connect(settings.host, port)
    except (OSError, ValueError) as error:
        if settings.tls:
            return reasons.from_error(settings, error).reason
        return f"{where}: cannot be reached: {error}; does a broker run there, and does it listen to the network?"
    end = time.monotonic() + timeout_s
    try:
        while time.monotonic() < end and answers.empty():
            client.loop(0.1)
        return f"{where}: no answer within {timeout_s:g} s; is it an MQTT broker?" if answers.empty() else answers.get()
    finally:
        client.disconnect()
        client.loop(0.1)
