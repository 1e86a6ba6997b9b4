"""One attempt to reach the broker: a fresh paho client, because a used one sends again what has become stale."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import schema
from edge.messages.commands import MAX_BYTES
from edge.messages.topics import COMMANDS, DISCOVERY
from edge.mqtt import reasons
from edge.mqtt.client import new_client
from edge.mqtt.events import Acknowledged, Arrived, Ended, Opened, Ready
from edge.mqtt.reasons import Trouble
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.tls import UnusableFiles

_WINDOW = 20  # QoS 1 messages under way at once, unless the broker allows fewer


class Link:
    """Tells what happens to `tell`, from threads of its own, and never calls back otherwise."""

    def __init__(
        self,
        number: int,
        settings: schema.MqttConfig,
        pace: RetryPolicy,
        *,
        root: str,  # <base>/<device>
        client_id: str,
        password: str | None,
        also: tuple[str, ...] = (),  # topics of others that we listen to, in full
        tell: Callable[[Any], None],
    ) -> None:
        self.number = number
        self._settings = settings
        self._pace = pace
        self._root = root
        self._client_id = client_id
        self._password = password
        self._also = also
        self._tell = tell
        self._client: paho.Client | None = None
        self._wire: socket.socket | None = None  # the same connection as paho's, to set options and to cut it
        self._lock = threading.Lock()
        self._cut = False
        self._answered = False
        self._window = _WINDOW

    def open(self) -> None:
        """Starts to connect; how it went is told."""
        threading.Thread(target=self._connect, name=f"mqtt-link-{self.number}", daemon=True).start()

    def send(self, topic: str, text: bytes | str, *, qos: int, retain: bool, correlation: bytes | None) -> int | None:
        """Hands a message to paho's thread; returns its id, or None if the link is gone."""
        client = self._client
        if not client:
            return None
        properties = None
        if correlation is not None and self._settings.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
        full = topic.removeprefix(DISCOVERY) if topic.startswith(DISCOVERY) else f"{self._root}/{topic}"
        sent = client.publish(full, text, qos, retain, properties)
        return sent.mid if sent.rc == paho.MQTT_ERR_SUCCESS else None

    def close(self) -> None:
        """Says good-bye; Ended follows."""
        client = self._client
        if client:
            client.disconnect()

    def cut(self) -> None:
        """Ends it at once. What the system has not sent yet is thrown away: by now it is stale."""
        with self._lock:
            self._cut = True
            self._client = None  # it knows us: as long as we knew it, neither it nor its sockets would go away
            if self._wire:
                with suppress(OSError):
                    self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    self._wire.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> None:
        try:
            client = self._new_client()
        except UnusableFiles as unusable:
            self._end(unusable.trouble)
            return
        settings = self._settings
        try:
            client.connect(settings.host, reasons.port(settings), settings.keepalive_s)
        except (OSError, ValueError) as error:
            self._end(reasons.from_error(settings, error))
            return
        with self._lock:
            if not self._cut:
                self._client = client
        self._tell(Opened(self.number))
        try:
            client.loop_start()
        except OSError as error:  # paho wakes its thread through loopback
            self.cut()
            self._end(Trouble("unreachable", f"no connection to this machine itself (loopback, lo): {error}"))

    def _new_client(self) -> paho.Client:
        client = new_client(self._settings, self._password, self._client_id, reconnects=False)
        client.connect_timeout = self._pace.dial
        client.max_inflight_messages = 0  # the window is ours to keep: what waits in paho goes stale unseen
        client.will_set(f"{self._root}/availability", "offline", qos=1, retain=True)
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _end(self, trouble: Trouble) -> None:
        self._tell(Ended(self.number, trouble))

    def _on_socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        wire = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._wire = wire
        with suppress(OSError):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # bytes that nobody receives go stale in the system's buffer too
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._pace.answer * 1000))
        if self._cut:
            self.cut()

    def _on_socket_close(self, _client: paho.Client, _data: Any, _sock: Any) -> None:
        with self._lock:
            if self._wire:
                self._wire.close()
                self._wire = None

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._answered = True
        if reason.is_failure:
            self._end(reasons.from_code(self._settings, reason.value, str(reason)))
            return
        self._window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))
        client.subscribe([(topic, 1) for topic in (*(f"{self._root}/{below}" for below in COMMANDS), *self._also)])

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        refused = "; ".join(sorted({str(code) for code in codes[: len(COMMANDS)] if code.is_failure}))
        self._tell(Ready(self.number, self._window, refused))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self._tell(Acknowledged(self.number, mid, str(reason) if reason.is_failure else ""))

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        topic = message.topic if message.topic in self._also else message.topic[len(self._root) + 1 :]
        asked = message.properties
        self._tell(
            Arrived(
                self.number,
                topic,
                bytes(message.payload[: MAX_BYTES + 1]),
                message.retain,
                getattr(asked, "ResponseTopic", None),
                getattr(asked, "CorrelationData", None),
            )
        )

    def _on_disconnect(self, _client: paho.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if not self._answered:
            self._end(reasons.closed_early(self._settings))
        elif flags.is_disconnect_packet_from_server and reason.value:  # before paho 2.2 it is often 0
            self._end(reasons.from_code(self._settings, reason.value, str(reason)))
        else:
            self._end(reasons.lost(self._settings))
