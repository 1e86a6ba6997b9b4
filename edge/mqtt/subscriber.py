"""What services elsewhere publish, as its types: for the page, the live view and the bridge to other programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from edge.config.schema import MqttConfig
from edge.messages.commands import Command
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.messages.topics import SETTINGS, TOPICS
from edge.mqtt.reasons import KEYS, Remedies
from edge.mqtt.session import TIMEOUT_S, Incoming, Session

Hear = Callable[[str, Payload | str, float | None], None]
Message = tuple[str, Payload | str]  # the topic below base and device, and what it says


class Subscriber:
    """Subscribes to one device. `send` and `status` may be called from any thread."""

    def __init__(
        self,
        settings: MqttConfig,
        password: str | None,
        prefix: str,
        hear: Hear | None = None,
        *,
        remedies: Remedies = KEYS,
    ) -> None:
        """`hear` is called in the connection's thread; without it messages wait for `messages`. BrokerError if a
        certificate file cannot be used."""
        self._prefix = prefix
        self._hear = hear
        received = self._received if hear is not None else None
        self._session = Session(
            settings, password, client_id="", reconnect=True, on_message=received, remedies=remedies
        )

    def start(self) -> None:
        """Connect and stay connected. BrokerError when it does not come about at all."""
        self._session.open(TIMEOUT_S)
        self._session.subscribe(f"{self._prefix}/#")

    def stop(self) -> None:
        self._session.close()

    def status(self) -> BrokerStatus:
        return status_of(self._session)

    def send(self, command: Command) -> None:
        """Ask the service over MQTT; what it allows is its own matter."""
        transaction = {"transaction": command.transaction}
        if command.kind == "privacy":
            self._publish("privacy/set", {"value": "ON" if command.value else "OFF", **transaction})
        else:
            self._publish(f"request/{command.name}", {**(command.value or {}), **transaction})

    def _publish(self, topic: str, content: dict[str, Any]) -> None:
        self._session.publish_soon(f"{self._prefix}/{topic}", msgspec.json.encode(content))

    def messages(self, wait_s: float, seconds: float | None = None) -> Iterator[Message | None]:
        """Each message as it comes, and None whenever none came within `wait_s`: for so many seconds, or for ever."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or (left := end - time.monotonic()) > 0.0:
            incoming = self._session.next(wait_s if end is None else min(wait_s, left))
            message = self._read(incoming) if incoming is not None else None
            if message is not None or incoming is None:
                yield message

    def _received(self, incoming: Incoming) -> None:
        message = self._read(incoming)
        if message is not None and self._hear is not None:
            self._hear(*message, None)

    def _read(self, incoming: Incoming) -> Message | None:
        topic = incoming.topic[len(self._prefix) + 1 :]
        payload = decoded(topic, incoming)
        return None if payload is None else (topic, payload)


class RoomsSubscriber:
    """Subscribes to what a glance at every device below `base` takes, also where tenant, site and group are levels
    between. `hear` gets device (with these levels), topic and payload in the connection's thread; `status` may be
    called from any."""

    TOPICS = ("availability", "info", "state", "privacy", "status/+", SETTINGS)
    LEVELS = 4  # a device's name, and at most three before it

    def __init__(
        self,
        settings: MqttConfig,
        password: str | None,
        base: str,
        hear: Callable[[str, str, Payload | str], None],
        *,
        remedies: Remedies = KEYS,
    ) -> None:
        """BrokerError if a certificate file cannot be used."""
        self._base = base
        self._hear = hear
        self._session = Session(
            settings, password, client_id="", reconnect=True, on_message=self._received, remedies=remedies
        )

    def start(self) -> None:
        """Connect and stay connected. BrokerError when it does not come about at all."""
        self._session.open(TIMEOUT_S)
        for topic in self.TOPICS:
            for levels in range(1, self.LEVELS + 1):
                self._session.subscribe("/".join([self._base, *["+"] * levels, topic]))

    def stop(self) -> None:
        self._session.close()

    def status(self) -> BrokerStatus:
        return status_of(self._session)

    def _received(self, incoming: Incoming) -> None:
        device, topic = device_and_topic(incoming.topic[len(self._base) + 1 :])
        payload = decoded(topic, incoming) if device else None
        if payload is not None:
            self._hear(device, topic, payload)


def device_and_topic(below: str) -> tuple[str, str]:
    """What lies below a base, as the device's levels and the topic below it; no device for what is asked or answered,
    which ends in the same words."""
    levels = below.split("/")
    own = 2 if levels[-2:-1] == ["status"] else 1
    device, topic = levels[:-own], levels[-own:]
    if not device or device[-1] in TOPICS or device[-1] in ("request", "text"):
        return "", below
    return "/".join(device), "/".join(topic)


def status_of(session: Session) -> BrokerStatus:
    """How a session's connection is."""
    if session.connected:
        return BrokerStatus("connected")
    return BrokerStatus("unreachable" if session.reason else "connecting", session.reason)


def decoded(topic: str, incoming: Incoming) -> Payload | str | None:
    """What came on a topic below base and device; None for what our service does not send: the commands of others to
    it, and a retained message on a topic that is only ever of now."""
    rules = TOPICS.get(topic.partition("/")[0])
    if (
        rules is None
        or (rules.payload is None and topic.endswith("/set"))
        or (incoming.retained and not rules.retained)
    ):
        return None
    payload = incoming.payload
    try:
        return payload.decode("utf-8") if rules.payload is None else msgspec.json.decode(payload, type=rules.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
