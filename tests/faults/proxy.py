"""A wire that can be cut: TCP on loopback between the service and its broker, which the observer reaches directly."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Literal

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
        self._listener: socket.socket | None = listener or socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.mode: Mode = "pass"
        self.accepted = 0
        self._serve(self._listener)

    def set(self, mode: Mode) -> None:
        self.mode = mode
        if mode == "refuse":
            self._close_listener()
            self.cut()
        elif self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._serve(self._listener)

    def cut(self) -> None:
        """End every connection that stands."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.close()

    def close(self) -> None:
        self._close_listener()
        self.cut()

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()

    def _serve(self, listener: socket.socket) -> None:
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                near.close()
                continue
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
        pair.close()


class _Pair:
    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.torn = False
        self.over = False
        self._ends = (near, far)

    def close(self) -> None:
        self.over = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
