"""Where a Wyoming satellite on this device forwards its events to (its `--event-uri`): the words of a transcript are
judged like those on text/set.

A speech-to-text server of that protocol answers only whoever sent it the sound, and we send sound to nobody.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from edge.device.clock import Clock
from edge.messages.commands import MAX_CHARACTERS, Command, Words
from edge.messages.payloads import Payload
from edge.rate_limit import LogOnce
from edge.service.supervision import Worker
from edge.text.wyoming import Events

log = logging.getLogger(__name__)

_WAIT_S = 0.8  # below the second within which a step must return
_MOST = 4  # connections: one satellite has one
_AT_ONCE = 16_384  # bytes


class TranscriptListener:
    """An observer of the service (see edge.service.outlets): privacy makes it forget what is on its way."""

    def __init__(self, source: str, put: Callable[[Command], object], clock: Clock) -> None:
        """`source`: wyoming://HOST:PORT, HOST this device. `put` takes the words into the inbox."""
        parts = urlsplit(source)
        self._address = (parts.hostname or "", parts.port or 0)
        self._put = put
        self._clock = clock
        self._once = LogOnce(log, clock)
        self._ending = threading.Event()
        self._forgetting = threading.Event()
        self._listener: socket.socket | None = None
        self._sent: dict[socket.socket, Events] = {}
        self.worker = Worker("text", self.step, clock)

    @property
    def port(self) -> int:
        """That it listens on; 0 while it does not."""
        return int(self._listener.getsockname()[1]) if self._listener is not None else 0

    @property
    def connections(self) -> int:
        return len(self._sent)

    def start(self) -> None:
        self.worker.start()

    def stop(self) -> None:
        self._ending.set()
        self.worker.stop()
        self.worker.join(1.0)
        self._close()

    def notify(self, topic: str, payload: Payload | str, captured: float | None) -> None:  # noqa: ARG002
        """Half a sentence that was sent before privacy went on is not to be completed after it."""
        if topic == "privacy" and payload == "ON":
            self._forgetting.set()

    def step(self) -> None:
        """Take what has come; waits a little for it. Belongs to the worker."""
        if self._listener is None and not self._listens():
            return
        if self._forgetting.is_set():
            self._forgetting.clear()
            self._hang_up([connection for connection, events in self._sent.items() if events.halfway])
        listener = self._listener
        if listener is None:
            return
        ready, _, _ = select.select([listener, *self._sent], [], [], _WAIT_S)
        for one in ready:
            if one is listener:
                self._accept(listener)
            else:
                self._receive(one)

    def _listens(self) -> bool:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._address)
            listener.listen(_MOST)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            self._once.say(
                logging.ERROR,
                f"text: cannot listen on port {self._address[1]}: {error.strerror}; trying again; "
                "stop the program that uses the port, or change text.source",
            )
            self._ending.wait(_WAIT_S)
            return False
        self._listener = listener
        log.info("text: a Wyoming satellite may forward its events to tcp://%s:%d", self._address[0], self.port)
        return True

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # gone again
            connection, _ = listener.accept()
            connection.setblocking(False)
            if len(self._sent) >= _MOST:
                connection.close()
            else:
                self._sent[connection] = Events()

    def _receive(self, connection: socket.socket) -> None:
        try:
            received = connection.recv(_AT_ONCE)
            said = self._sent[connection].feed(received)
        except BlockingIOError:
            return
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError):
                self._once.say(logging.WARNING, f"text: hung up on a client that sent {error}")
            received, said = b"", []
        for text in said:
            if text.strip() and len(text) <= MAX_CHARACTERS:
                self._put(Command("text", "", Words(text), local=True))
        if not received:
            self._hang_up([connection])

    def _hang_up(self, connections: list[socket.socket]) -> None:
        for connection in connections:
            del self._sent[connection]
            connection.close()

    def _close(self) -> None:
        self._hang_up(list(self._sent))
        if self._listener is not None:
            self._listener.close()
            self._listener = None
