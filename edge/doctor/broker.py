"""The broker: does it answer, accept this device, and let it publish and subscribe where it must?"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from edge.config.schema import MqttConfig
from edge.config.secrets import mqtt_password
from edge.device.identity import device_name, machine_id
from edge.device.service_user import rights_of_service
from edge.doctor.findings import Finding, Subject
from edge.errors import BrokerError, EdgeError
from edge.messages.payloads import ResponsePayload
from edge.messages.topics import COMMANDS
from edge.mqtt.reasons import address
from edge.mqtt.session import Session, connect, probe

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
    working = None
    for each in mqtt.each():
        problem = _problem(each, subject.path)
        if problem:
            says, _, remedy = problem.rpartition("; ")
            yield Finding("broker", "red", says or problem, remedy if says else "")
        else:
            yield Finding("broker", "green", f"{address(each)} accepts this device")
            working = working or each
    if working is None:
        return
    with rights_of_service(subject.path):
        password = mqtt_password(mqtt)
    config = subject.loaded.config
    root = f"{config.topic_base}/{device_name(config.device.name, machine_id())}"
    with rights_of_service(subject.path):
        found = list(_rights(working, password, root))
    yield from found


def _problem(mqtt: MqttConfig, path: Path | None) -> str | None:
    """Why this broker does not accept us, with the service's rights."""
    try:
        with rights_of_service(path):
            return probe(mqtt, mqtt_password(mqtt))
    except EdgeError as error:
        return str(error)


def _rights(mqtt: MqttConfig, password: str | None, root: str) -> Iterator[Finding]:
    """Publish what nobody acts upon: a test answer, and an empty command, which the service ignores."""
    with connect(mqtt, password, client_id=f"emotion-edge-doctor-{uuid.uuid4().hex[:8]}") as session:
        refused = [topic for topic in COMMANDS if not _may_subscribe(session, f"{root}/{topic}")]
        _may_subscribe(session, f"{root}/response/doctor")
        answer = ResponsePayload(status="ok", data="a test by emotion-edge doctor", transaction=uuid.uuid4().hex)
        told = mqtt.protocol == "5"  # MQTT 3.1.1 cannot express a refusal
        published = _comes_back(session, f"{root}/response/doctor", msgspec.json.encode(answer), refusals_told=told)
        command = _comes_back(session, f"{root}/privacy/set", b"", refusals_told=told)
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


def _may_subscribe(session: Session, topic: str) -> bool:
    try:
        session.subscribe(topic, qos=1, timeout_s=_WAIT_S)
    except BrokerError:
        return False
    return True


def _comes_back(session: Session, topic: str, payload: bytes, *, refusals_told: bool) -> Delivery:
    """Publish what we have subscribed to."""
    try:
        session.publish(topic, payload, timeout_s=_WAIT_S)
    except BrokerError:
        return "refused" if refusals_told else "unknown"
    if any((message.topic, message.payload) == (topic, payload) for message in session.messages(_WAIT_S)):
        return "received"
    return "not received" if refusals_told else "unknown"
