"""The same page for a service elsewhere: it hears from the broker what an observer beside the service hears."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import paho.mqtt.client as paho

from edge.config.schema import MqttConfig
from edge.errors import BrokerError
from edge.messages.commands import Command
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.messages.topics import TOPICS
from edge.mqtt import reasons
from edge.mqtt.client import new_client
from edge.mqtt.tls import UnusableFiles

Hear = Callable[[str, Payload | str, float | None], None]


class Subscriber:
    """Subscribes to one device. `send` and `status` may be called from any thread."""

    def __init__(self, settings: MqttConfig, password: str | None, prefix: str, hear: Hear) -> None:
        self._settings = settings
        self._prefix = prefix
        self._hear = hear
        self._status = BrokerStatus()
        self._first = threading.Event()
        try:
            self._client = new_client(settings, password)
        except UnusableFiles as unusable:
            raise BrokerError(unusable.trouble.reason) from None
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._received

    def start(self) -> None:
        """Connect and stay connected. BrokerError when it does not come about at all."""
        try:
            self._client.connect(self._settings.host, reasons.port(self._settings))
        except (OSError, ValueError) as error:
            raise BrokerError(reasons.from_error(self._settings, error).reason) from None
        self._client.loop_start()
        self._first.wait(10.0)
        if self._status.state != "connected":
            self.stop()
            raise BrokerError(self._status.reason or f"{reasons.address(self._settings)} does not answer")

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def status(self) -> BrokerStatus:
        return self._status

    def send(self, command: Command) -> None:
        """Ask the service by MQTT; what it allows from afar is its own matter."""
        transaction = {"transaction": command.transaction}
        if command.kind == "privacy":
            self._publish("privacy/set", {"value": "ON" if command.value else "OFF", **transaction})
        else:
            self._publish(f"request/{command.name}", {**(command.value or {}), **transaction})

    def _publish(self, topic: str, content: dict[str, Any]) -> None:
        self._client.publish(f"{self._prefix}/{topic}", msgspec.json.encode(content), qos=1)

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            trouble = reasons.from_code(self._settings, reason.value, str(reason))
            self._status = BrokerStatus("refused", trouble.reason)
        else:
            self._status = BrokerStatus("connected")
            client.subscribe(f"{self._prefix}/#", 0)
        self._first.set()

    def _disconnected(self, *_: Any) -> None:
        if self._status.state == "connected":
            self._status = BrokerStatus("unreachable", reasons.lost(self._settings).reason)

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        topic = message.topic[len(self._prefix) + 1 :]
        rules = TOPICS.get(topic.partition("/")[0])
        if rules is None or (rules.payload is None and topic.endswith("/set")):  # what others ask of it
            return
        try:
            if rules.payload is None:
                self._hear(topic, message.payload.decode("utf-8"), None)
            else:
                self._hear(topic, msgspec.json.decode(message.payload, type=rules.payload), None)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return  # not what our service sends
