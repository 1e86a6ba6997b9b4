"""The way to the broker: live while it is there, kept while it is away, and one thread that minds both."""

from __future__ import annotations

import logging
import random as chance
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.config import schema
from edge.device.clock import Clock, system_synced
from edge.errors import BrokerError, StorageError
from edge.messages.commands import Command
from edge.messages.numbering import Stamp
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.messages.topics import kind_of
from edge.mqtt.answers import ResponseRouter
from edge.mqtt.connection import Connection
from edge.mqtt.events import Acknowledged, Arrived, Event
from edge.mqtt.inbox import Message, PublishQueue
from edge.mqtt.link import Link
from edge.mqtt.outbox import Outbox
from edge.mqtt.receiver import Receiver
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.sender import Sender
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)

_BACKLOG_TICK_S = 0.05
_GOOD_BYE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Purge:
    done: threading.Event


@dataclass(frozen=True, slots=True)
class _Apply:
    limits: schema.OutboxConfig | None
    password: str | None


class Publisher:
    """Hands messages to the broker, or keeps them while it is away.

    publish() may be called from any thread and never blocks on the network or disk.
    """

    def __init__(
        self,
        settings: schema.MqttConfig,
        outbox: schema.OutboxConfig,
        *,
        device: str,
        client_id: str,
        password: str | None,
        folder: Path,
        clock: Clock,
        on_command: Callable[[Command], None],
        session: str | None = None,
        random: Callable[[], float] = chance.random,
        synced: Callable[[], bool] = system_synced,
        pace: RetryPolicy | None = None,
    ) -> None:
        self.device = device
        self.session = session or uuid.uuid4().hex[:12]
        self._settings = settings
        self._client_id = client_id
        self._password = password
        self._clock = clock
        self._pace = pace or RetryPolicy()
        self._root = f"{settings.base}/{device}"
        self._inbox = PublishQueue()
        self._once = LogOnce(log, clock)
        self._listeners: dict[str, Callable[[bytes], None]] = {}  # by topic of others, in full
        answers = ResponseRouter()
        self._receiver = Receiver(self._root, answers, self._once, on_command=on_command, publish=self.publish)
        self._stamp = Stamp(self.session, clock, synced)
        self._outbox = Outbox(folder / "outbox.sqlite", outbox, self.session, clock)
        self._sender = Sender(self._stamp, self._outbox, answers, clock=clock, pace=self._pace, once=self._once)
        self._connection = Connection(
            settings, self._sender, self._new_link, clock=clock, pace=self._pace, once=self._once, random=random
        )
        self._status = BrokerStatus()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-publisher", daemon=True)

    def listen(self, topic: str, hear: Callable[[bytes], None]) -> None:
        """What others say on `topic` goes to `hear`, in the publisher's thread; call before the start."""
        self._listeners[topic] = hear

    # From any thread

    def start(self) -> None:
        """Begins to connect; returns at once."""
        if not self._settings.host:
            raise BrokerError("mqtt.host: no broker is configured; set it to the broker's name or address")
        self.publish("availability", "online")
        self._thread.start()

    def publish(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        """`topic` is below base and device. `captured` is the monotonic time of what is told; not given, it is now."""
        wanted = kind_of(topic).payload or str
        if not isinstance(payload, wanted):
            raise TypeError(f"{topic} carries {wanted.__name__}, not {type(payload).__name__}")
        self._inbox.publish(Message(topic, payload, self._clock.monotonic() if captured is None else captured))

    def stop(self, timeout: float = 3.0) -> None:
        """Says good-bye to the broker; what it has not acknowledged stays in the outbox for the next start."""
        self._stopping.set()
        if self._thread.ident is None:
            self._status = replace(self._status, state="stopped")
            return
        self._inbox.wake()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("the way to the broker was not closed within %.1f s", timeout)

    def purge(self) -> None:
        """Privacy: forgets everything that waits, in memory and on disk, before it returns."""
        self._inbox.forget()
        request = _Purge(threading.Event())
        self._inbox.tell(request)
        if not self._thread.is_alive():
            self._forget(request)
        elif not request.done.wait(5.0):
            log.error("what waits for the broker is not forgotten yet: the disk is very slow")

    def apply(self, outbox: schema.OutboxConfig | None = None, password: str | None = None) -> None:
        """New limits of the outbox; a new password, with which a broker that refused us is tried again at once."""
        self._inbox.tell(_Apply(outbox, password))

    @property
    def connected(self) -> bool:
        """Accepted by the broker and subscribed."""
        return self._status.state == "connected"

    def status(self) -> BrokerStatus:
        """As of a moment ago."""
        return self._status

    # From the publisher's thread

    def _run(self) -> None:
        self._guarded(self._outbox.find_earlier)
        self._connection.dial()
        while not self._stopping.is_set():
            self._turn(_BACKLOG_TICK_S if self.connected and len(self._outbox) else self._connection.nap())
        self._guarded(self._say_good_bye)
        self._connection.stopped()
        self._guarded(self._outbox.close)
        self._tell_status()

    def _turn(self, nap: float) -> None:
        events, messages = self._inbox.take(nap)
        for event in events:
            self._guarded(self._handle, event)
        for message in messages:
            self._guarded(self._sender.take, message)
        self._guarded(self._connection.look_after)
        self._guarded(self._sender.settle)
        self._guarded(self._sender.send_backlog)
        self._guarded(self._outbox.tick, self._stamp.trusted_wall())
        self._tell_status()

    def _guarded(self, work: Callable[..., Any], *arguments: Any) -> None:
        """One message that cannot be handled must not end the thread that all others need."""
        try:
            work(*arguments)
        except Exception as error:
            self._once.say(logging.ERROR, f"publisher: {work.__name__}: {type(error).__name__}: {error}")
            log.debug("where it happened", exc_info=True)

    def _handle(self, event: Event | _Purge | _Apply) -> None:
        if isinstance(event, _Purge):
            self._forget(event)
        elif isinstance(event, _Apply):
            self._adopt(event)
        elif not self._connection.is_current(event):
            return
        elif isinstance(event, Acknowledged):
            self._sender.acknowledged(event.message, event.refused)
        elif isinstance(event, Arrived) and event.topic in self._listeners:
            if not event.retained:
                self._listeners[event.topic](event.payload)
        elif isinstance(event, Arrived):
            self._receiver.take(event)
        else:
            self._connection.handle(event)

    def _new_link(self, number: int) -> Link:
        return Link(
            number, self._settings, self._pace,
            root=self._root, client_id=self._client_id, password=self._password,
            also=tuple(self._listeners), tell=self._inbox.tell,
        )  # fmt: skip

    def _adopt(self, change: _Apply) -> None:
        if change.limits:
            self._outbox.limits = change.limits
        if change.password is not None and change.password != self._password:
            self._password = change.password
            self._connection.retry_now()

    def _forget(self, request: _Purge) -> None:
        try:
            self._sender.forget()
        except StorageError as error:
            log.error("what waits for the broker could not be forgotten: %s", error)
        finally:
            request.done.set()

    def _say_good_bye(self) -> None:
        """The last messages, availability, DISCONNECT; what is not acknowledged by then goes to the outbox."""
        give_up = self._clock.monotonic() + _GOOD_BYE_S
        self._connection.leaving = True
        self.publish("availability", "offline")
        self._turn(0.0)
        while self._connection.state == "connected" and self._clock.monotonic() < give_up and not self._sender.idle:
            self._turn(0.02)
        self._connection.close()
        while self._connection.state == "connected" and self._clock.monotonic() < give_up + _GOOD_BYE_S / 2:
            self._turn(0.02)

    def _tell_status(self) -> None:
        self._status = BrokerStatus(
            state=self._connection.state,
            reason=self._connection.reason,
            connections=self._connection.connections,
            outbox=len(self._outbox),
            disk_bytes_today=self._outbox.disk_bytes_today,
            dropped=self._outbox.dropped + self._inbox.dropped,
            degraded=self._outbox.trouble,
        )
