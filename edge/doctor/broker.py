"""The broker: does it answer, accept this device, and let it publish and subscribe where it must?"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.config.schema import MqttConfig
from edge.config.secrets import mqtt_password
from edge.device.identity import device_name, machine_id
from edge.device.service_user import rights_of_service
from edge.doctor.findings import Finding, Subject
from edge.errors import EdgeError
from edge.messages.payloads import ResponsePayload
from edge.messages.topics import COMMANDS
from edge.mqtt.client import new_client
from edge.mqtt.probe import probe
from edge.mqtt.reasons import address, port

_WAIT_S = 2.0

Delivery = Literal["received", "not received", "refused", "unknown"]


def broker(subject: Subject) -> Iterator[Finding]:
    """The connection to the broker, from here, with the service's user and password."""
    if subject.loaded is None:
        return
    if subject.statuses is not None:
        yield Finding("broker", "green", "connected")
        return
    mqtt = subject.loaded.config.mqtt
    if not mqtt.host:
        yield Finding("broker", "red", "mqtt.host: no broker is configured", "emotion-edge setup --broker HOST")
        return
    try:
        with rights_of_service(subject.path):
            password = mqtt_password(mqtt)
            problem = probe(mqtt, password)
    except EdgeError as error:
        problem = str(error)
    if problem:
        says, _, remedy = problem.rpartition("; ")
        yield Finding("broker", "red", says or problem, remedy if says else "")
        return
    yield Finding("broker", "green", f"{address(mqtt)} accepts this device")
    root = f"{mqtt.base}/{device_name(subject.loaded.config.device.name, machine_id())}"
    with rights_of_service(subject.path):
        found = list(_rights(mqtt, password, root))
    yield from found


def _rights(mqtt: MqttConfig, password: str | None, root: str) -> Iterator[Finding]:
    """Publish what nobody acts upon: a test answer, and an empty command, which the service ignores."""
    connection = _Connection(mqtt, password)
    try:
        refused = [topic for topic in COMMANDS if not connection.may_subscribe(f"{root}/{topic}")]
        connection.may_subscribe(f"{root}/response/doctor")
        answer = ResponsePayload(status="ok", data="a test by emotion-edge doctor", transaction=uuid.uuid4().hex)
        published = connection.comes_back(f"{root}/response/doctor", msgspec.json.encode(answer))
        command = connection.comes_back(f"{root}/privacy/set", b"")
    finally:
        connection.end()
    user = f"user {mqtt.username}" if mqtt.username else "a client without a user name"
    if refused or command == "not received":
        what = f"this device may not subscribe to {', '.join(refused)}" if refused else "commands would not arrive here"
        yield Finding("rights", "red", what, f"allow {user} in the broker's access list: topic read {root}/#")
    if published == "refused":
        remedy = f"allow {user} in the broker's access list: topic write {root}/#"
        yield Finding("rights", "red", f"this device may not publish below {root}", remedy)
    elif published == "unknown":
        says = f"MQTT 3.1.1 does not tell whether this device may publish below {root}"
        yield Finding("rights", "yellow", says, 'set mqtt.protocol = "5" to find out')
    elif not refused and command != "not received":
        yield Finding("rights", "green", f"this device may publish and subscribe below {root}")


class _Connection:
    """A short connection, driven step by step."""

    def __init__(self, mqtt: MqttConfig, password: str | None) -> None:
        self._five = mqtt.protocol == "5"
        self._accepted = False
        self._granted: dict[int, bool] = {}
        self._acknowledged: dict[int, bool] = {}
        self._received: set[tuple[str, bytes]] = set()
        self._client = new_client(mqtt, password, f"emotion-edge-doctor-{uuid.uuid4().hex[:8]}", reconnects=False)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = lambda _client, _data, message: self._received.add(
            (message.topic, bytes(message.payload))
        )
        self._client.connect(mqtt.host, port(mqtt))
        self._until(lambda: self._accepted)

    def may_subscribe(self, topic: str) -> bool:
        _, number = self._client.subscribe(topic, 1)
        self._until(lambda: number in self._granted)
        return self._granted.get(number or 0, False)

    def comes_back(self, topic: str, payload: bytes) -> Delivery:
        """Publish what we have subscribed to. MQTT 3.1.1 cannot express a refusal."""
        number = self._client.publish(topic, payload, qos=1).mid
        self._until(lambda: (topic, payload) in self._received or self._acknowledged.get(number) is False)
        if (topic, payload) in self._received:
            return "received"
        if not self._five:
            return "unknown"
        return "not received" if self._acknowledged.get(number) else "refused"

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop(0.1)

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _WAIT_S
        while not done() and time.monotonic() < end:
            self._client.loop(0.05)

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self._accepted = not reason.is_failure

    def _on_subscribe(self, _client: paho.Client, _data: Any, number: int, reasons: list[ReasonCode], _: Any) -> None:
        self._granted[number] = not any(reason.is_failure for reason in reasons)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._received.add((message.topic, bytes(message.payload)))

    def _on_publish(self, _client: paho.Client, _data: Any, number: int, reason: ReasonCode, _properties: Any) -> None:
        self._acknowledged[number] = not (reason.packetType == PacketTypes.PUBACK and reason.is_failure)
