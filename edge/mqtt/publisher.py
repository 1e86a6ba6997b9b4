"""The way to the broker: live while it is there, kept while it is away, and one thread that minds both."""

from __future__ import annotations

import logging
import random as chance
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.config import schema
from edge.device.clock import Clock, DailyCount, system_synced
from edge.device.thread import WatchedThread
from edge.errors import BrokerError, StorageError
from edge.messages.commands import Command
from edge.messages.numbering import Stamp
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.messages.topics import REWRITE_TEST, REWRITTEN, kind_of
from edge.mqtt.connection import (
    Acknowledged,
    Connection,
    Event,
    Ready,
    Received,
    Requested,
    RetainedSettings,
)
from edge.mqtt.outbox import Outbox
from edge.mqtt.publish_queue import PublishQueue, QueuedMessage
from edge.mqtt.reconnect import Reconnector
from edge.mqtt.requests import RequestReceiver, ResponseRouter
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.sender import Sender
from edge.mqtt.session import probe
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)

_CLOSING_S = 1.0
_PURGE_S = 5.0


@dataclass(frozen=True, slots=True)
class _Purge:
    done: threading.Event
    errors: list[StorageError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Apply:
    limits: schema.OutboxConfig | None
    password: str | None


class Publisher(WatchedThread):
    """Hands messages to the broker, or keeps them while it is away.

    publish() may be called from any thread and never blocks on the network or disk. The heartbeat is when the thread
    last did all of its duties.
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
        on_command: Callable[[Command], object],
        more_commands: tuple[str, ...] = (),
        session: str | None = None,
        random: Callable[[], float] = chance.random,
        synced: Callable[[], bool] = system_synced,
        retry: RetryPolicy | None = None,
    ) -> None:
        """`on_command` is called in the publisher's thread; what answers False was refused and is answered so.

        `more_commands` are topics below ours that are subscribed to beside the usual ones.
        """
        super().__init__("mqtt-publisher", clock)
        self.device = device
        self.session = session or uuid.uuid4().hex[:12]
        self._settings = settings
        self._client_id = client_id
        self._more_commands = more_commands
        self._password = password
        self._retry = retry or RetryPolicy()
        self._root = f"{settings.base}/{device}"
        self._queue = PublishQueue(clock)
        self._log_once = LogOnce(log, clock)
        self._listeners: dict[str, Callable[[bytes], None]] = {}  # by topic of others, in full
        self._kept_too: set[str] = set()  # those of which retained messages count as well
        responses = ResponseRouter()
        self._requests = RequestReceiver(
            self._root, responses, self._log_once, on_command=on_command, publish=self.publish
        )
        self._stamp = Stamp(self.session, clock, synced)
        self._outbox = Outbox(folder / "outbox.sqlite", outbox, self.session, clock)
        self._sender = Sender(
            self._stamp, self._outbox, responses, clock=clock, retry=self._retry, log_once=self._log_once
        )
        self._reconnector = Reconnector(
            settings,
            self._sender,
            self._new_connection,
            lambda broker: probe(broker, self._password) is None,
            clock=clock,
            retry=self._retry,
            log_once=self._log_once,
            random=random,
        )
        self._sent = DailyCount(clock)
        self._status = BrokerStatus()
        self._rewrites_topics = False
        self._topics_asked = False

    def listen(self, topic: str, hear: Callable[[bytes], None], *, retained: bool = False) -> None:
        """What others publish on `topic` goes to `hear`, in the publisher's thread; call before the start.

        With `retained` also what the broker has kept of it: for documents that tell a newer from an older one.
        """
        self._listeners[topic] = hear
        if retained:
            self._kept_too.add(topic)

    # From any thread

    def start(self) -> None:
        """Begin to connect; returns at once. After the thread has died this starts it again."""
        if not self._settings.host:
            raise BrokerError("mqtt.host: no broker is configured; set it to the broker's name or address")
        if self._thread is None:
            self.publish("availability", "online")
        super().start()

    def publish(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        """`topic` is below base and device. `captured` is the monotonic time of what is told; not given, it is now."""
        wanted = kind_of(topic).payload or str
        if not isinstance(payload, wanted):
            raise TypeError(f"{topic} carries {wanted.__name__}, not {type(payload).__name__}")
        self._queue.publish(QueuedMessage(topic, payload, self._clock.monotonic() if captured is None else captured))

    def stop(self, timeout: float = 3.0) -> None:
        """Disconnect in good order; what the broker has not acknowledged stays in the outbox for the next start."""
        self._stopping.set()
        if self._thread is None:
            self._status = replace(self._status, state="stopped")
            return
        self._queue.wake()
        if not self.join(timeout):
            log.warning("the connection to the broker was not closed within %.1f s", timeout)

    def purge(self) -> None:
        """Privacy: forget everything that waits, in memory and on disk. StorageError if that could not be done."""
        self._queue.forget()
        request = _Purge(threading.Event())
        if self.alive:
            self._queue.report(request)
            if not request.done.wait(_PURGE_S):
                raise StorageError("what waits for the broker is not deleted yet: the disk does not respond")
        else:
            self._purge(request)
        if request.errors:
            raise request.errors[0]

    def apply(self, outbox: schema.OutboxConfig | None = None, password: str | None = None) -> None:
        """New limits of the outbox; a new password, with which a broker that refused us is tried again at once."""
        self._queue.report(_Apply(outbox, password))

    @property
    def connected(self) -> bool:
        """Accepted by the broker and subscribed."""
        return self._status.state == "connected"

    def status(self) -> BrokerStatus:
        """As of a moment ago."""
        return self._status

    # From the publisher's thread

    def _run(self) -> None:
        """Without the thread nothing reaches the broker: when it dies the connection goes with it, for all to see."""
        try:
            self._serve()
        except Exception:
            log.exception("%s failed", self.name)
            self._guarded(self._reconnector.stopped)
            self._status = replace(self._status, state="unreachable", reason="the publisher failed; see the log")

    def _serve(self) -> None:
        self._outbox.find_earlier()
        self._reconnector.connect()
        while not self._stopping.is_set():
            wait = self._reconnector.wait()
            if self.connected:
                wait = min(wait, self._sender.wait())
            self._turn(wait)
        self._close()
        self._reconnector.stopped()
        self._outbox.close()
        self._update_status()

    def _turn(self, wait: float) -> None:
        events, messages = self._queue.take(wait)
        for message in messages:  # before a broker that is ready by now, which is told first what is retained
            self._guarded(self._sender.handle, message)
        for event in events:
            self._guarded(self._handle, event)
        self._reconnector.check()
        self._sender.release()
        self._sender.send_backlog()
        self._outbox.tick(self._stamp.trusted_wall())
        self._update_status()
        self.heartbeat = self._clock.monotonic()

    def _guarded(self, work: Callable[..., Any], *arguments: Any) -> None:
        """One message that cannot be handled must not end the thread that all others need."""
        try:
            work(*arguments)
        except Exception as error:
            self._log_once.say(logging.ERROR, f"publisher: {work.__name__}: {type(error).__name__}: {error}")
            log.debug("where it happened", exc_info=True)

    def _handle(self, event: Event | _Purge | _Apply) -> None:
        if isinstance(event, _Purge):
            self._purge(event)
        elif isinstance(event, _Apply):
            self._adopt(event)
        elif isinstance(event, Requested) and event.topic in (REWRITE_TEST, REWRITTEN):
            self._topics_tested(event.topic)
        elif isinstance(event, Requested):  # acknowledged, so it counts even if the connection is gone by now
            self._requests.handle(event)
        elif not self._reconnector.is_current(event):
            return
        elif isinstance(event, Acknowledged):
            self._sender.acknowledge(event.message, event.refused)
        elif isinstance(event, Received):
            if not event.retained or event.topic in self._kept_too:
                self._listeners[event.topic](event.payload)
        else:
            self._reconnector.handle(event)
            if isinstance(event, RetainedSettings):
                self._sender.kept(event.session, event.seq)
            if isinstance(event, Ready) and not self._topics_asked:
                self._topics_asked = True
                self._sender.test_topics()

    def _new_connection(self, number: int, settings: schema.MqttConfig) -> Connection:
        return Connection(
            number, settings, self._retry,
            root=self._root, client_id=self._client_id, password=self._password,
            also=tuple(self._listeners), more=self._more_commands, report=self._queue.report, sent=self._sent,
        )  # fmt: skip

    def _topics_tested(self, arrived: str) -> None:
        self._rewrites_topics = arrived == REWRITTEN
        if self._rewrites_topics:
            line = (
                "the broker turns '.' in topics into '/': config/decision.enter is config/decision/enter there; "
                "both are understood, and all values stand in one document on settings"
            )
            self._log_once.say(logging.WARNING, line)

    def _adopt(self, change: _Apply) -> None:
        if change.limits:
            self._outbox.limits = change.limits
        if change.password is not None and change.password != self._password:
            self._password = change.password
            self._reconnector.retry_now()

    def _purge(self, request: _Purge) -> None:
        try:
            self._sender.forget()
        except StorageError as error:
            self._log_once.say(logging.ERROR, f"what waits for the broker could not be deleted: {error}")
            request.errors.append(error)
        finally:
            request.done.set()

    def _close(self) -> None:
        """The last messages, availability, DISCONNECT; what is not acknowledged by then goes to the outbox."""
        give_up = self._clock.monotonic() + _CLOSING_S
        self._reconnector.leaving = True
        self.publish("availability", "offline")
        self._turn(0.0)
        while self._reconnector.state == "connected" and self._clock.monotonic() < give_up and not self._sender.idle:
            self._turn(0.02)
        self._reconnector.close()
        while self._reconnector.state == "connected" and self._clock.monotonic() < give_up + _CLOSING_S / 2:
            self._turn(0.02)

    def _update_status(self) -> None:
        self._status = BrokerStatus(
            state=self._reconnector.state,
            reason=self._reconnector.reason,
            connections=self._reconnector.connections,
            outbox=len(self._outbox),
            sent_bytes_today=self._sent.today,
            rewrites_topics=self._rewrites_topics,
            disk_bytes_today=self._outbox.disk_bytes_today,
            dropped=self._outbox.dropped + self._queue.dropped,
            commands_refused=self._queue.commands_refused + self._requests.refused,
            degraded=self._outbox.trouble,
        )
