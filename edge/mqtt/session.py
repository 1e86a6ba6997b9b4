"""Connects to a broker and waits for its answer: for commands and short tasks, which have something to wait for.

The service itself never waits; its connection is edge.mqtt.publisher's.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho

from edge.config.schema import MqttConfig
from edge.errors import BrokerError
from edge.mqtt import reasons
from edge.mqtt.client import UnusableFiles, new_client
from edge.mqtt.reasons import KEYS, Remedies

TIMEOUT_S = 10.0
_WAITING = 1_000  # messages; when nobody takes them the oldest are dropped


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker."""

    topic: str  # in full
    payload: bytes
    retained: bool = False


class NotPermitted(BrokerError):
    """The broker answered, and does not let us publish or subscribe there."""


class Session:
    """An established connection. Made by `connect`; its methods may be called from any thread.

    After a lost connection it reconnects and subscribes again by itself, if it was made with `reconnect`.
    """

    def __init__(
        self,
        settings: MqttConfig,
        password: str | None,
        *,
        client_id: str,
        reconnect: bool,
        on_message: Callable[[Incoming], None] | None,
        remedies: Remedies = KEYS,
    ) -> None:
        self.reason = ""  # why there is no connection now; empty when there is
        self._settings = settings
        self._remedies = remedies
        self._on_message_given = on_message
        self._answer: queue.Queue[str] = queue.Queue()  # empty text: accepted
        self._messages: queue.Queue[Incoming] = queue.Queue(_WAITING)
        self._topics: dict[str, int] = {}
        self._acknowledged: dict[int, str] = {}  # by message id of SUBSCRIBE and PUBLISH: "" or why it was refused
        self._changed = threading.Condition()
        self._closing = False
        # A broker that hangs up at once has answered before paho's thread is there, which cannot be ended until then.
        self._starting = threading.Lock()
        try:
            self._client = new_client(settings, password, client_id, reconnects=reconnect, remedies=remedies)
        except UnusableFiles as unusable:
            raise BrokerError(unusable.trouble.reason) from None
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    @property
    def connected(self) -> bool:
        """Accepted by the broker, and not lost since."""
        return self._client.is_connected()

    def subscribe(self, *topics: str, qos: int = 0, timeout_s: float = TIMEOUT_S) -> None:
        """Subscribe and wait until the broker has granted it; NotPermitted names what it does not."""
        self._topics.update(dict.fromkeys(topics, qos))
        _, number = self._client.subscribe([(topic, qos) for topic in topics])
        why = self._acknowledgement(number, timeout_s)
        if why:
            raise NotPermitted(f"the broker {self._where} does not let us subscribe to {', '.join(topics)}: {why}")

    def publish(
        self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False, timeout_s: float = TIMEOUT_S
    ) -> None:
        """Publish; with QoS 1 wait until the broker has it. NotPermitted if it does not take it (only MQTT 5 tells)."""
        sent = self._client.publish(topic, payload, qos, retain)
        if qos == 0:
            return
        why = self._acknowledgement(sent.mid, timeout_s)
        if why:
            raise NotPermitted(f"the broker {self._where} does not let us publish on {topic}: {why}")

    def publish_soon(self, topic: str, payload: bytes | str) -> None:
        """Publish with QoS 1 without waiting for anything."""
        self._client.publish(topic, payload, 1)

    def next(self, timeout_s: float) -> Incoming | None:
        """The next message, or None if none comes in time."""
        with suppress(queue.Empty):
            return self._messages.get(timeout=timeout_s)
        return None

    def messages(self, quiet_s: float) -> Iterator[Incoming]:
        """Messages until none has come for `quiet_s` seconds."""
        while (message := self.next(quiet_s)) is not None:
            yield message

    def close(self) -> None:
        with self._starting:
            self._closing = True
        self._client.disconnect()
        self._client.loop_stop()

    def open(self, timeout_s: float) -> None:
        """Connect and wait for the answer; BrokerError says why there is none, after `timeout_s` whatever happens."""
        threading.Thread(target=self._connect, args=(timeout_s,), name="mqtt-session", daemon=True).start()
        try:
            reason = self._answer.get(timeout=timeout_s)
        except queue.Empty:
            reason = reasons.mute(self._settings).reason
        if reason:
            self.reason = reason
            self.close()
            raise BrokerError(reason)

    @property
    def _where(self) -> str:
        return reasons.address(self._settings)

    def _connect(self, timeout_s: float) -> None:
        settings = self._settings
        self._client.connect_timeout = 0.8 * timeout_s  # so that a silent handshake is told as such
        try:
            self._client.connect(settings.host, reasons.port(settings), settings.keepalive_s)
            with self._starting:
                if self._closing:  # nobody waits any more
                    self._client.disconnect()
                else:
                    self._client.loop_start()
        except (OSError, ValueError) as error:
            self._answer.put(reasons.from_error(settings, error, self._remedies).reason)

    def _acknowledgement(self, number: int | None, timeout_s: float) -> str:
        end = time.monotonic() + timeout_s
        with self._changed:
            while number not in self._acknowledged:
                in_time = self._changed.wait(end - time.monotonic())
                if number not in self._acknowledged and not (in_time and self.connected):
                    raise BrokerError(self.reason or f"the broker {self._where} does not answer any more")
            return self._acknowledged.pop(number)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.reason = reasons.from_code(self._settings, reason.value, str(reason), self._remedies).reason
        else:
            self.reason = ""
            if self._topics:
                client.subscribe(list(self._topics.items()))
        self._answer.put(self.reason)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        if not self.reason and not self._closing:
            self.reason = reasons.lost(self._settings).reason
        early = reasons.closed_early(self._settings, self._remedies)
        self._answer.put(early.reason)  # read only if nothing was answered before
        with self._changed:
            self._changed.notify_all()

    def _on_subscribe(self, _client: paho.Client, _data: Any, number: int, codes: list[Any], _properties: Any) -> None:
        self._acknowledge(number, next((str(code) for code in codes if code.is_failure), ""))

    def _on_publish(self, _client: paho.Client, _data: Any, number: int, reason: Any, _properties: Any) -> None:
        self._acknowledge(number, str(reason) if reason.is_failure else "")

    def _acknowledge(self, number: int, why: str) -> None:
        with self._changed:
            self._acknowledged[number] = why
            while len(self._acknowledged) > _WAITING:  # of those that nobody waits for
                self._acknowledged.pop(next(iter(self._acknowledged)))
            self._changed.notify_all()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        incoming = Incoming(message.topic, bytes(message.payload), message.retain)
        if self._on_message_given is not None:
            self._on_message_given(incoming)
            return
        while True:
            with suppress(queue.Full):
                self._messages.put_nowait(incoming)
                return
            with suppress(queue.Empty):
                self._messages.get_nowait()


@contextmanager
def connect(
    settings: MqttConfig,
    password: str | None,
    *,
    client_id: str = "",
    timeout_s: float = TIMEOUT_S,
    reconnect: bool = False,
    on_message: Callable[[Incoming], None] | None = None,
    remedies: Remedies = KEYS,
) -> Iterator[Session]:
    """A session with the broker of `settings`, accepted by it; BrokerError is one line that says why not.

    Messages go to `on_message`, in a thread of the session's own, or wait for `Session.next`.
    """
    session = _first_that_accepts(
        settings,
        password,
        timeout_s,
        client_id=client_id,
        reconnect=reconnect,
        on_message=on_message,
        remedies=remedies,
    )
    try:
        yield session
    finally:
        session.close()


def _first_that_accepts(settings: MqttConfig, password: str | None, timeout_s: float, **given: Any) -> Session:
    """Of several brokers the first that accepts us; BrokerError tells what the preferred one said."""
    refusals: list[BrokerError] = []
    for each in settings.each():
        session = Session(each, password, **given)
        try:
            session.open(timeout_s)
        except BrokerError as error:
            refusals.append(error)
        else:
            return session
    raise refusals[0]


def probe(settings: MqttConfig, password: str | None, timeout_s: float = 5.0) -> str | None:
    """None if the broker accepts us with these settings, else why not, with the remedy."""
    try:
        with connect(settings, password, client_id=f"emotion-edge-{uuid.uuid4().hex[:8]}", timeout_s=timeout_s):
            return None
    except BrokerError as error:
        return str(error)
