"""Keeps us connected: one connection at a time, given up when it hangs, tried again after a growing delay.

Of several brokers the next one is tried when one fails, and the preferred one again after some minutes.
"""

from __future__ import annotations

import logging
import threading
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
        new_connection: Callable[[int, schema.MqttConfig], Connection],
        accepts: Callable[[schema.MqttConfig], bool],
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
        self._brokers = settings.each()
        self._broker = 0  # the one that we are connected to or try
        self._sender = sender
        self._new_connection = new_connection
        self._accepts = accepts  # asks a broker whether it would; takes seconds
        self._clock = clock
        self._retry = retry
        self._log_once = log_once
        self._random = random
        self._connection: Connection | None = None
        self._attempts = 0
        self._failures = 0  # in a row
        self._cuts = 0  # in a row
        self._log_next = True  # the next connect is worth a line: it is the first, or ends what was complained about
        self._told = ""  # the broker of the last such line
        self._ready_at: float | None = None
        self._accept_by: float | None = None  # accepted and subscribed by then, or it is given up
        self._retry_at: float | None = None
        self._prefer_at: float | None = None  # when to ask whether the preferred broker is back
        self._preferred_is_back = threading.Event()
        self._returning = False  # we have left for the preferred broker

    @property
    def _settings(self) -> schema.MqttConfig:
        return self._brokers[self._broker]

    def is_current(self, event: Event) -> bool:
        """False for an event of an earlier connection."""
        return self._connection is not None and event.connection == self._connection.number

    def connect(self) -> None:
        """Begin an attempt; how it went arrives as events."""
        self._attempts += 1
        self._retry_at = None
        self._connection = self._new_connection(self._attempts, self._settings)
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
        elif self._connection and oldest is not None and now - oldest >= self._sender.patience:
            self.lose(Trouble("unreachable", f"the broker {reasons.address(self._settings)} stopped answering"))
        elif self._retry_at is not None and now >= self._retry_at and not self.leaving:
            self.connect()
        elif self._prefer_at is not None and now >= self._prefer_at and self.state == "connected":
            self._prefer_at = now + self._retry.jitter(self._retry.preferred, self._random())
            threading.Thread(target=self._ask_preferred, name="mqtt-preferred", daemon=True).start()
        elif self._preferred_is_back.is_set() and self._connection and self._sender.idle and not self.leaving:
            self._return_to_preferred(self._connection)

    def _ask_preferred(self) -> None:
        if self._accepts(self._brokers[0]):
            self._preferred_is_back.set()

    def _return_to_preferred(self, connection: Connection) -> None:
        """Leave in good order: whoever listens at the broker that we leave must not take us for online."""
        log.info("the preferred broker %s is back", reasons.address(self._brokers[0]))
        self._preferred_is_back.clear()
        connection.send("availability", "offline", qos=1, retain=True, correlation=None)
        connection.close()
        self._returning = True

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
        self._connection = self._ready_at = self._accept_by = self._prefer_at = None
        if self._returning:
            self._returning, self._broker, self._failures, self._retry_at = False, 0, 0, now
            self.state = "connecting"
            return
        self._choose_next(now, trouble)
        self.state, self.reason = trouble.kind, trouble.reason
        if self.leaving:
            return
        level = logging.WARNING if trouble.kind == "unreachable" else logging.ERROR
        self._log_next |= self._log_once.say(level, f"no broker: {trouble.reason}")

    def _choose_next(self, now: float, trouble: Trouble) -> None:
        """All brokers one soon after the other; from one round to the next the delay grows."""
        self._failures += 1
        self._broker = (self._broker + 1) % len(self._brokers)
        rounds, more_to_try = divmod(self._failures, len(self._brokers))
        if more_to_try:
            self._retry_at = now + self._retry.jitter(self._retry.next_broker, self._random())
        else:
            self._retry_at = now + self._retry.delay(rounds - 1, trouble.slow, self._random())

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
        if self._broker:
            self._prefer_at = self._ready_at + self._retry.jitter(self._retry.preferred, self._random())
        self.state, self.reason = "connected", ""
        if ready.commands_refused:
            self.reason = (
                f"the broker lets no commands through to us: {ready.commands_refused}; "
                "check its access list, and that the user or the certificate is this device's own"
            )
            self._log_once.say(logging.ERROR, self.reason, about=reasons.ACCESS)
        where = reasons.address(self._settings)
        if self._log_next or where != self._told:
            log.info("connected to the broker %s", where)
        self._log_next, self._told = False, where
        if self._connection:
            self._sender.connected(self._connection, ready.window)
