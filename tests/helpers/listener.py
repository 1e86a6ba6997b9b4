"""A listening socket on loopback whose thread has ended when it is closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Listener:
    """Calls `take` with each connection, in one thread, until `close`."""

    def __init__(self, take: Callable[[socket.socket], object], listening: socket.socket | None = None) -> None:
        """On a port of its own, or on a socket that listens already and is closed with the rest."""
        self._take = take
        self._socket = listening or socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread first: one that still waits in accept() does so on the descriptor's number, and when the
        process is stopped and continued, the kernel calls again with whatever socket has that number by then."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        assert not self._thread.is_alive(), "a connection is still being served"
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with suppress(OSError):
                self._take(connection)
