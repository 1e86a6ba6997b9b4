"""A broker that misbehaves in a chosen way, on loopback."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Literal

from tests.helpers.listener import Listener

Manner = Literal["refuses the login", "stays mute", "hangs up", "accepts and stays mute"]
MANNERS: tuple[Manner, ...] = ("refuses the login", "stays mute", "hangs up", "accepts and stays mute")
_CONNACK_REFUSED = bytes([0x20, 3, 0, 0x86, 0])  # MQTT 5: bad user name or password
_CONNACK_ACCEPTED = bytes([0x20, 3, 0, 0, 0])


class StubBroker:
    """Answers every connection in the same manner until it is closed."""

    def __init__(self, manner: Manner) -> None:
        self.connections = 0
        self._manner = manner
        self._open: list[socket.socket] = []
        self._listener = Listener(self._answer)
        self.port = self._listener.port

    def _answer(self, client: socket.socket) -> None:
        self.connections += 1
        self._open.append(client)
        if self._manner == "hangs up":
            client.close()
        elif self._manner != "stays mute":
            accepted = self._manner == "accepts and stays mute"
            client.recv(4096)  # CONNECT
            client.sendall(_CONNACK_ACCEPTED if accepted else _CONNACK_REFUSED)
            if not accepted:
                client.close()

    def close(self) -> None:
        for client in self._open:
            with suppress(OSError):  # it may be closed
                client.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._open:
            client.close()
