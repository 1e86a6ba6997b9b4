"""What a service elsewhere publishes, as its types: for the page, the live view and the bridge to other programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from edge.config.schema import MqttConfig
from edge.messages.commands import Command
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.messages.topics import TOPICS
from edge.mqtt.session import TIMEOUT_S, Incoming, Session

Hear = Callable[[str, Payload | str, float | None], None]


class Subscriber:
    """Subscribes to one device. `send` and `status` may be called from any thread."""

    def __init__(self, settings: MqttConfig, password: str | None, prefix: str, hear: Hear) -> None:
        """`hear` is called in the connection's thread. BrokerError if a certificate file cannot be used."""
        self._prefix = prefix
        self._hear = hear
        self._session = Session(settings, password, client_id="", reconnect=True, on_message=self._received)

    def start(self) -> None:
        """Connect and stay connected. BrokerError when it does not come about at all."""
        self._session.open(TIMEOUT_S)
        self._session.subscribe(f"{self._prefix}/#")

    def stop(self) -> None:
        self._session.close()

    def status(self) -> BrokerStatus:
        if self._session.connected:
            return BrokerStatus("connected")
        return BrokerStatus("unreachable" if self._session.reason else "connecting", self._session.reason)

    def send(self, command: Command) -> None:
        """Ask the service over MQTT; what it allows is its own matter."""
        transaction = {"transaction": command.transaction}
        if command.kind == "privacy":
            self._publish("privacy/set", {"value": "ON" if command.value else "OFF", **transaction})
        else:
            self._publish(f"request/{command.name}", {**(command.value or {}), **transaction})

    def _publish(self, topic: str, content: dict[str, Any]) -> None:
        self._session.publish_soon(f"{self._prefix}/{topic}", msgspec.json.encode(content))

    def _received(self, message: Incoming) -> None:
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
