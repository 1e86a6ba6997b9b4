"""A wire that can be cut: TCP on loopback between the service and its broker, which the observer reaches directly."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Literal

from tests.helpers.listener import Listener

Mode = Literal["pass", "swallow", "refuse"]


class Proxy:
    """`pass`; `swallow`: connections are taken and nothing comes through either way; `refuse`: nobody listens."""

    def __init__(
        self,
        target: int,
        listener: socket.socket | None = None,
        change: Callable[[bytes], bytes] = bytes,  # what the wire does to the bytes
    ) -> None:
        self._target = target
        self._change = change
        self._lock = threading.Lock()
        self._pairs: list[_Pair] = []
        self.mode: Mode = "pass"
        self.accepted = 0
        self._listener: Listener | None = Listener(self._take, listener)
        self.port = self._listener.port

    def set(self, mode: Mode) -> None:
        self.mode = mode
        if mode == "refuse":
            self._close_listener()
            self.cut()
        elif self._listener is None:
            self._listener = Listener(self._take, socket.create_server(("127.0.0.1", self.port)))

    def cut(self) -> None:
        """End every connection that stands."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.cut()

    def close(self) -> None:
        self._close_listener()
        self.cut()

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _take(self, near: socket.socket) -> None:
        self.accepted += 1
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            near.close()
            return
        far.settimeout(None)  # a line may be quiet for longer than it takes to connect
        pair = _Pair(near, far)
        with self._lock:
            self._pairs = [each for each in self._pairs if not each.over] + [pair]
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(pair, source, sink), daemon=True).start()

    def _pump(self, pair: _Pair, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if self.mode == "swallow" or pair.torn:
                    pair.torn = True  # what was swallowed is missing for ever
                else:
                    sink.sendall(self._change(data))
        pair.cut()
        pair.leave()


class _Pair:
    """Two sockets, and the two threads that pass on what comes from each; who leaves last closes both."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.torn = False
        self.over = False
        self._ends = (near, far)
        self._lock = threading.Lock()
        self._threads = 2

    def cut(self) -> None:
        """End the connection, which wakes both threads."""
        self.over = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        with self._lock:
            self._threads -= 1
            last = self._threads == 0
        if last:
            for end in self._ends:
                end.close()
