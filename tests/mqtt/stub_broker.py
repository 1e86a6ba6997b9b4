"""A broker that misbehaves in a chosen way, on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

Manner = Literal["refuses the login", "stays mute", "hangs up", "accepts and stays mute"]
MANNERS: tuple[Manner, ...] = ("refuses the login", "stays mute", "hangs up", "accepts and stays mute")
_CONNACK_REFUSED = bytes([0x20, 3, 0, 0x86, 0])  # MQTT 5: bad user name or password
_CONNACK_ACCEPTED = bytes([0x20, 3, 0, 0, 0])


class StubBroker:
    """Answers every connection in the same manner until it is closed."""

    def __init__(self, manner: Manner) -> None:
        self.connections = 0
        self._manner = manner
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
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
        self._server.close()
        for client in self._open:
            client.close()
