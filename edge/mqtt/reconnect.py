"""Keeps us connected: one connection at a time, given up when it hangs, tried again after a growing delay."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.config import schema
from edge.device.clock import Clock
from edge.messages.status import State
from edge.mqtt import reasons
from edge.mqtt.connection import Closed, Connection, Event, Opened, Ready
from edge.mqtt.reasons import Trouble
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.sender import Sender
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)

_TICK_S = 1.0
_CUTS = 4  # accepted and soon cut off without a word, this often in a row: somebody else uses our client id


class Reconnector:
    """Belongs to the publisher's thread."""

    def __init__(
        self,
        settings: schema.MqttConfig,
        sender: Sender,
        new_connection: Callable[[int], Connection],
        *,
        clock: Clock,
        retry: RetryPolicy,
        log_once: LogOnce,
        random: Callable[[], float],
    ) -> None:
        self.state: State = "connecting"
        self.reason = ""
        self.connections = 0
        self.leaving = False  # we are about to end: do not connect, do not complain
        self._settings = settings
        self._sender = sender
        self._new_connection = new_connection
        self._clock = clock
        self._retry = retry
        self._log_once = log_once
        self._random = random
        self._connection: Connection | None = None
        self._attempts = 0
        self._failures = 0  # in a row
        self._cuts = 0  # in a row
        self._log_next = True  # the next connect is worth a line: it is the first, or ends what was complained about
        self._ready_at: float | None = None
        self._accept_by: float | None = None  # accepted and subscribed by then, or it is given up
        self._retry_at: float | None = None

    def is_current(self, event: Event) -> bool:
        """False for an event of an earlier connection."""
        return self._connection is not None and event.connection == self._connection.number

    def connect(self) -> None:
        """Begin an attempt; how it went arrives as events."""
        self._attempts += 1
        self._retry_at = None
        self._connection = self._new_connection(self._attempts)
        self._connection.open()

    def handle(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._accept_by = self._clock.monotonic() + self._retry.accept
        elif isinstance(event, Ready):
            self._ready(event)
        elif isinstance(event, Closed):
            self.lose(event.trouble)

    def check(self) -> None:
        """Give up a connection that hangs; connect again when it is time."""
        now = self._clock.monotonic()
        oldest = self._sender.oldest
        if self._accept_by is not None and now >= self._accept_by:
            self.lose(reasons.mute(self._settings))
        elif self._connection and oldest is not None and now - oldest >= self._retry.answer:
            self.lose(Trouble("unreachable", f"the broker {reasons.address(self._settings)} stopped answering"))
        elif self._retry_at is not None and now >= self._retry_at and not self.leaving:
            self.connect()

    def wait(self) -> float:
        """Seconds until `check` has something to do."""
        if self._retry_at is None:
            return min(_TICK_S, self._retry.accept / 4, self._retry.answer / 4)
        return min(_TICK_S, max(0.0, self._retry_at - self._clock.monotonic()))

    def retry_now(self) -> None:
        """What made the broker refuse us has changed."""
        if self._retry_at is not None:
            self._retry_at = self._clock.monotonic()

    def close(self) -> None:
        """Disconnect in good order; Closed follows if there was a connection."""
        self._sender.release(at_once=True)
        if self._connection:
            self._connection.close()

    def lose(self, trouble: Trouble) -> None:
        """The connection is gone: keep what was in flight, try again later."""
        now = self._clock.monotonic()
        if self._connection:
            self._connection.abort()
        self._sender.disconnected()
        steady = self._ready_at is not None and now - self._ready_at >= self._retry.steady
        self._failures = 0 if steady else self._failures
        self._cuts = self._cuts + 1 if trouble.wordless and self._ready_at is not None and not steady else 0
        if self._cuts >= _CUTS:
            trouble = reasons.cut_off(self._settings)
        self._connection = self._ready_at = self._accept_by = None
        self._retry_at = now + self._retry.delay(self._failures, trouble.slow, self._random())
        self._failures += 1
        self.state, self.reason = trouble.kind, trouble.reason
        if self.leaving:
            return
        level = logging.WARNING if trouble.kind == "unreachable" else logging.ERROR
        self._log_next |= self._log_once.say(level, f"no broker: {trouble.reason}")

    def stopped(self) -> None:
        """The end: nothing is tried any more."""
        if self._connection:
            self._connection.abort()
        self._sender.disconnected()
        self._connection = self._retry_at = None
        self.state, self.reason = "stopped", ""

    def _ready(self, ready: Ready) -> None:
        self._accept_by = None
        self._ready_at = self._clock.monotonic()
        self.connections += 1
        self.state, self.reason = "connected", ""
        if ready.commands_refused:
            self.reason = (
                f"the broker lets no commands through to us: {ready.commands_refused}; "
                "check its access list, and that the user or the certificate is this device's own"
            )
            self._log_once.say(logging.ERROR, self.reason, about=reasons.ACCESS)
        if self._log_next:
            log.info("connected to the broker %s", reasons.address(self._settings))
        self._log_next = False
        if self._connection:
            self._sender.connected(self._connection, ready.window)
