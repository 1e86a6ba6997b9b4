"""One connection to the broker: a fresh paho client for each attempt, because a used one sends stale messages again."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import schema
from edge.device.clock import DailyCount
from edge.messages import commands
from edge.messages.commands import MAX_BYTES, Command, Refusal
from edge.messages.payloads import Payload
from edge.messages.topics import COMMANDS, DISCOVERY, PLAIN_COMMANDS, PRIVACY_COMMAND, SETTINGS
from edge.mqtt import reasons
from edge.mqtt.client import UnusableFiles, new_client
from edge.mqtt.reasons import Trouble
from edge.mqtt.retry import RetryPolicy

_RECEIVE_BUFFER = 32_768  # bytes
_WINDOW = 20  # QoS 1 messages under way at once, unless the broker allows fewer


@dataclass(frozen=True, slots=True)
class Event:
    """What happens on a connection."""

    connection: int  # its number


@dataclass(frozen=True, slots=True)
class Opened(Event):
    """There is a TCP connection; the broker has not answered yet."""


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """Accepted by the broker and subscribed."""

    window: int  # QoS 1 messages that may be under way at once
    commands_refused: str  # why no command will arrive; empty when all is well


@dataclass(frozen=True, slots=True)
class Acknowledged(Event):
    """The broker has the message, unless `refused` says why not."""

    message: int
    refused: str


@dataclass(frozen=True, slots=True)
class Received(Event):
    """A message on a topic of others that we listen to."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Requested(Event):
    """A command, a refused one, or one to be passed over (None)."""

    topic: str  # below base and device
    command: Command | Refusal | None
    retained: bool


@dataclass(frozen=True, slots=True)
class RetainedSettings(Event):
    """What the broker holds of our `settings`: the message of this session with this number."""

    session: str
    seq: int


@dataclass(frozen=True, slots=True)
class Closed(Event):
    """The connection is gone, or none came about."""

    trouble: Trouble


class Connection:
    """Reports what happens to `report`, from threads of its own."""

    def __init__(
        self,
        number: int,
        settings: schema.MqttConfig,
        retry: RetryPolicy,
        *,
        root: str,  # <base>/<device>
        client_id: str,
        password: str | None,
        also: tuple[str, ...] = (),  # topics of others that we listen to, in full
        more: tuple[str, ...] = (),  # topics of commands below ours that only some devices take
        report: Callable[[Any], None],
        sent: DailyCount | None = None,
    ) -> None:
        self.number = number
        self._settings = settings
        self._retry = retry
        self._root = root
        self._client_id = client_id
        self._password = password
        self._also = also
        self._more = more
        self._report = report
        self._sent = sent
        self._client: paho.Client | None = None
        self._socket: socket.socket | None = None  # a second handle on paho's, to set options and to close it at once
        self._lock = threading.Lock()
        self._aborted = False
        self._answered = False
        self._window = _WINDOW

    def open(self) -> None:
        """Start to connect; how it went is reported."""
        threading.Thread(target=self._connect, name=f"mqtt-connection-{self.number}", daemon=True).start()

    def send(self, topic: str, text: bytes | str, *, qos: int, retain: bool, correlation: bytes | None) -> int | None:
        """Hand a message to paho's thread; returns its id, or None if the connection is gone."""
        client = self._client
        if not client:
            return None
        properties = None
        if correlation is not None and self._settings.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
        full = topic.removeprefix(DISCOVERY) if topic.startswith(DISCOVERY) else f"{self._root}/{topic}"
        if self._sent:
            self._sent.add(len(full) + len(text))
        sent = client.publish(full, text, qos, retain, properties)
        return sent.mid if sent.rc == paho.MQTT_ERR_SUCCESS else None

    def close(self) -> None:
        """Disconnect in good order; Closed follows."""
        client = self._client
        if client:
            client.disconnect()

    def abort(self) -> None:
        """End it at once. What the system has not sent yet is thrown away: by now it is stale."""
        with self._lock:
            self._aborted = True
            self._client = None  # paho holds a reference to us; drop ours, so that its sockets are freed
            if self._socket:
                with suppress(OSError):
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> None:
        try:
            client = self._new_client()
        except UnusableFiles as unusable:
            self._closed(unusable.trouble)
            return
        settings = self._settings
        try:
            client.connect(settings.host, reasons.port(settings), settings.keepalive_s)
        except (OSError, ValueError) as error:
            self._closed(reasons.from_error(settings, error))
            return
        with self._lock:
            if not self._aborted:
                self._client = client
        self._report(Opened(self.number))
        try:
            client.loop_start()
        except OSError as error:  # paho wakes its thread through loopback
            self.abort()
            self._closed(Trouble("unreachable", f"no connection to this machine itself (loopback, lo): {error}"))

    def _new_client(self) -> paho.Client:
        client = new_client(self._settings, self._password, self._client_id, reconnects=False)
        client.connect_timeout = self._retry.connect
        client.max_inflight_messages = 0  # we keep the window ourselves: what waits inside paho goes stale unseen
        client.will_set(f"{self._root}/availability", "offline", qos=1, retain=True)
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _closed(self, trouble: Trouble) -> None:
        self._report(Closed(self.number, trouble))

    def _on_socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        handle = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._socket = handle
        with suppress(OSError):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # In a flood of commands the acknowledgements for our messages stand behind all that the buffer holds.
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # bytes that nobody receives go stale in the system's buffer too
                handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._retry.answer * 1000))
        if self._aborted:
            self.abort()

    def _on_socket_close(self, _client: paho.Client, _data: Any, _sock: Any) -> None:
        with self._lock:
            if self._socket:
                self._socket.close()
                self._socket = None

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._answered = True
        if reason.is_failure:
            self._closed(reasons.from_code(self._settings, reason.value, str(reason)))
            return
        self._window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))
        # The broker's queue for us is bounded too. A flood of QoS 0 does not fill it, and a session that is not kept
        # would lose the others all the same: so only the privacy switch is QoS 1.
        ours = [(f"{self._root}/{below}", int(below == PRIVACY_COMMAND)) for below in COMMANDS]
        wanted = [(f"{self._root}/{below}", 0) for below in (*PLAIN_COMMANDS, SETTINGS, *self._more)]
        client.subscribe([*ours, *((topic, 1) for topic in self._also), *wanted])

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        refused = "; ".join(sorted({str(code) for code in codes[: len(COMMANDS)] if code.is_failure}))
        self._report(Ready(self.number, self._window, refused))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self._report(Acknowledged(self.number, mid, str(reason) if reason.is_failure else ""))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        payload = bytes(message.payload[: MAX_BYTES + 1])
        if message.topic in self._also:
            self._report(Received(self.number, message.topic, payload, message.retain))
            return
        topic = message.topic[len(self._root) + 1 :]
        if topic == SETTINGS:
            if message.retain:
                with suppress(msgspec.MsgspecError, ValueError, RecursionError):
                    told = msgspec.json.decode(payload, type=Payload)
                    self._report(RetainedSettings(self.number, told.session, told.seq))
            return
        command = commands.parse(topic, payload, retained=message.retain)
        if isinstance(command, Command):
            command = replace(
                command,
                response_topic=commands.own_response_topic(
                    self._root, getattr(message.properties, "ResponseTopic", None)
                ),
                correlation=getattr(message.properties, "CorrelationData", None),
            )
        self._report(Requested(self.number, topic, command, message.retain))

    def _on_disconnect(self, _client: paho.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if not self._answered:
            self._closed(reasons.closed_early(self._settings))
        elif flags.is_disconnect_packet_from_server and reason.value:  # before paho 2.2 it is often 0
            self._closed(reasons.from_code(self._settings, reason.value, str(reason)))
        else:
            self._closed(reasons.lost(self._settings))
