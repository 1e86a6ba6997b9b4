"""What becomes of a message: sent live, kept for the backlog, sent again on the next connect, or dropped."""

from __future__ import annotations

import logging
import math
from collections import deque
from dataclasses import dataclass, replace

from edge.device.clock import Clock
from edge.messages.numbering import Stamp
from edge.messages.payloads import Payload
from edge.messages.topics import DISCOVERY, LIVE_AGE_S, REWRITE_TEST, SETTINGS, Topic, kind_of
from edge.mqtt import reasons
from edge.mqtt.backlog import Backlog
from edge.mqtt.connection import Connection
from edge.mqtt.outbox import Outbox
from edge.mqtt.publish_queue import QueuedMessage, about_people
from edge.mqtt.requests import ResponseRouter
from edge.mqtt.retained import RetainedMessages
from edge.mqtt.retry import RetryPolicy
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)

_BACKLOG_TICK_S = 0.05
_SENT_AGE_S = 0.6 * LIVE_AGE_S  # what is older when it is sent may be too old when it arrives: the way takes time, too


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A QoS 1 message that the broker has not acknowledged yet."""

    topic: str
    text: bytes
    captured: float
    since: float
    keep: int = 0
    row: int | None = None  # of the outbox, if it is backlog
    message: QueuedMessage | None = None  # that it was made of, unless it is backlog


class Sender:
    """Belongs to the publisher's thread."""

    def __init__(
        self,
        stamp: Stamp,
        outbox: Outbox,
        responses: ResponseRouter,
        *,
        clock: Clock,
        retry: RetryPolicy,
        log_once: LogOnce,
    ) -> None:
        self._stamp = stamp
        self._outbox = outbox
        self._backlog = Backlog(outbox, stamp, clock, retry)
        self._responses = responses
        self._clock = clock
        self._retry = retry
        self._log_once = log_once
        self._connection: Connection | None = None
        self._connecting = True  # the first attempt has not ended: what is published meanwhile may still be sent live
        self._window = 0
        self._settling_since: float | None = None  # the broker does not have all yet that is retained
        self._kept_by: float | None = None  # until then the broker may show what it has kept of us
        self._retained = RetainedMessages()
        self._queue: deque[QueuedMessage] = deque()  # QoS 1, until the window has room
        self._in_flight: dict[int, _InFlight] = {}  # by message id, in the order of sending
        self._acknowledged: deque[tuple[float, _InFlight]] = deque()  # acknowledged within the grace, and when

    @property
    def oldest(self) -> float | None:
        """Since when the broker owes an acknowledgement."""
        return next((each.since for each in self._in_flight.values()), None)

    @property
    def settling(self) -> bool:
        """What is retained is on its way; until the broker has it, nothing else is sent."""
        return self._settling_since is not None

    @property
    def patience(self) -> float:
        """How long the broker may owe an acknowledgement."""
        return self._retry.settle if self.settling else self._retry.answer

    def wait(self) -> float:
        """Seconds until there is something to do that no acknowledgement tells of."""
        if self._kept_by is not None:
            return max(0.0, self._kept_by - self._clock.monotonic())
        return _BACKLOG_TICK_S if len(self._outbox) and not self.settling else math.inf

    @property
    def idle(self) -> bool:
        """Nothing live is under way or waits to be."""
        return not self._queue and all(each.row is not None for each in self._in_flight.values())

    def connected(self, connection: Connection, window: int) -> None:
        """Send what is retained, first of all; where the broker may still have most of it, wait a moment to see."""
        self._connection, self._window = connection, window
        self._backlog.restart()
        now = self._clock.monotonic()
        self._settling_since = now
        if self._retained.delivered_before:
            self._kept_by = now + self._retry.kept
        else:
            self._send_retained(kept=False)

    def kept(self, session: str, seq: int) -> None:
        """The broker holds this message on `settings`. The newest one shows that it also has what came before it."""
        if self._kept_by is not None:
            newest = (session, seq) == (self._stamp.session, self._retained.number(SETTINGS))
            self._send_retained(kept=newest and self._retained.delivered_before)

    def _send_retained(self, *, kept: bool) -> None:
        """Before anything else that waits."""
        self._kept_by = None
        others = (each for each in self._queue if not kind_of(each.topic).retained)
        self._queue = deque([*self._retained.to_send(kept=kept), *others])
        self._send_queue()
        self._end_settling()

    def _end_settling(self) -> None:
        waiting = any(kind_of(each.topic).retained for each in self._queue)
        waiting = waiting or any(each.message and kind_of(each.topic).retained for each in self._in_flight.values())
        if self.settling and self._kept_by is None and not waiting:
            self._settling_since = None
            self._send_queue()

    def disconnected(self) -> None:
        """No connection, or none came about: keep what was not acknowledged and what had no chance to be sent."""
        self._connection, self._connecting = None, False
        self._settling_since = self._kept_by = None
        in_flight, queue = [*(each for _, each in self._acknowledged), *self._in_flight.values()], list(self._queue)
        self._acknowledged.clear()
        self._in_flight.clear()
        self._queue.clear()
        for each in in_flight:
            if each.keep:
                self._keep(each.keep, each.topic, each.text, each.captured)
        for message in queue:
            if not kind_of(message.topic).retained:
                self.handle(message)

    def handle(self, message: QueuedMessage) -> None:
        """Send a message, or keep it, or drop it: by its topic's rules, its age and the connection."""
        rules = kind_of(message.topic)
        if rules.retained:
            self._retained.remember(message)
            if self._connection:
                self._queue = deque(each for each in self._queue if each.topic != message.topic)
                self._queue.append(message)
                self._send_queue()
        elif self._stale(message) or not (self._connection or self._connecting):
            self._keep_if_wanted(message, rules)
        elif rules.qos == 0:
            if not self._slow_to_settle():
                self._send(message, rules)
        else:
            self._queue.append(message)
            self._send_queue()

    def acknowledge(self, message_id: int, refused: str) -> None:
        """The broker has a message, or does not want it."""
        done = self._in_flight.pop(message_id, None)
        if done is None:
            return
        self._retained.acknowledged(done.topic, done.message, empty=not done.text, refused=bool(refused))
        if refused:
            self._log_refusal(done.topic, refused)
            self._outbox.dropped += 1
        if not refused and (done.keep or done.row is not None):
            self._acknowledged.append((self._clock.monotonic(), done))
        elif done.row is not None:
            self._backlog.delivered(done.row)
        self._send_queue()
        self._end_settling()

    def _log_refusal(self, topic: str, why: str) -> None:
        """One line, however many topics are refused: one access list or one wrong certificate is the cause of all."""
        discovery = topic.startswith(DISCOVERY)
        line = (
            f"the broker does not let us publish on {topic.removeprefix(DISCOVERY)}, and perhaps not on others: {why}; "
            "check its access list, and that the user or the certificate is this device's own"
        )
        if not (discovery and self._log_once.said(reasons.ACCESS)):
            self._log_once.say(logging.ERROR, line, about=DISCOVERY if discovery else reasons.ACCESS)

    def release(self, at_once: bool = False) -> None:
        """Forget what was acknowledged long enough ago."""
        now = self._clock.monotonic()
        if self._kept_by is not None and now >= self._kept_by:
            self._send_retained(kept=False)
        while self._acknowledged and (at_once or now - self._acknowledged[0][0] >= self._retry.grace):
            _, done = self._acknowledged.popleft()
            if done.row is not None:
                self._backlog.delivered(done.row)

    def test_topics(self) -> None:
        """Send what shows whether the broker rewrites topics: an empty command, which is passed over."""
        if self._connection:
            self._connection.send(REWRITE_TEST, b"", qos=0, retain=False, correlation=None)

    def send_backlog(self) -> None:
        """Send what waits, as far as the rate and half of the window allow: live messages go first."""
        if not self._connection or self.settling:
            return
        in_flight = sum(each.row is not None for each in self._in_flight.values())
        room = min(max(1, self._window // 2), self._window - len(self._in_flight) + in_flight)
        now = self._clock.monotonic()
        for row, text in self._backlog.next(room, in_flight):
            sent = self._connection.send("backlog", text, qos=1, retain=False, correlation=None)
            if sent is not None:
                self._in_flight[sent] = _InFlight("backlog", text, now, now, row=row)

    def forget(self) -> None:
        """Privacy: what is about people and not with the broker yet. What is under way will not be kept either."""
        self._queue = deque(each for each in self._queue if not about_people(each.topic))
        self._acknowledged.clear()
        self._in_flight = {key: replace(each, text=b"", keep=0) for key, each in self._in_flight.items()}
        self._backlog.forget()

    def _stale(self, message: QueuedMessage) -> bool:
        return self._clock.monotonic() - message.captured > _SENT_AGE_S

    def _keep_if_wanted(self, message: QueuedMessage, rules: Topic) -> None:
        if rules.keep and self._outbox.keeps and isinstance(message.payload, Payload):
            text, _ = self._stamp.numbered(message.topic, message.payload, message.captured)
            self._keep(rules.keep, message.topic, text, message.captured)

    def _keep(self, rank: int, topic: str, text: bytes, captured: float) -> None:
        if self._outbox.keeps:
            self._outbox.add(rank, topic, text, captured, self._stamp.wall(captured))
        else:
            self._outbox.dropped += 1

    def _slow_to_settle(self) -> bool:
        """A broker this busy would tell readings when they are old."""
        return self._settling_since is not None and self._clock.monotonic() - self._settling_since > 1.0

    def _send_queue(self) -> None:
        if self._kept_by is not None:
            return
        window = min(self._window, self._retry.settle_window) if self.settling else self._window
        while self._queue and self._connection and len(self._in_flight) < window:
            may_leave = (i for i, each in enumerate(self._queue) if not self.settling or kind_of(each.topic).retained)
            index = next(may_leave, None)
            if index is None:
                return
            message = self._queue[index]
            del self._queue[index]
            rules = kind_of(message.topic)
            if not rules.retained and self._stale(message):
                self._keep_if_wanted(message, rules)
            else:
                self._send(message, rules)

    def _send(self, message: QueuedMessage, rules: Topic) -> None:
        if not self._connection:
            return
        topic, correlation = self._responses.route(message.topic, message.payload)
        if isinstance(message.payload, str):
            self._hand_over(message, rules, topic, message.payload.encode(), correlation)
            return
        told = self._retained.number(message.topic) if rules.retained else None
        text, number = self._stamp.numbered(topic, message.payload, message.captured, told)
        if self._hand_over(message, rules, topic, text, correlation):
            if rules.retained:
                self._retained.sent(message.topic, number)
        elif rules.keep:
            self._keep(rules.keep, topic, text, message.captured)
        elif told is None:
            self._stamp.give_back(topic)

    def _hand_over(
        self, message: QueuedMessage, rules: Topic, topic: str, text: bytes, correlation: bytes | None
    ) -> bool:
        if not self._connection:
            return False
        sent = self._connection.send(topic, text, qos=rules.qos, retain=rules.retained, correlation=correlation)
        if sent is not None and rules.qos == 1:
            now = self._clock.monotonic()
            self._in_flight[sent] = _InFlight(topic, text, message.captured, now, rules.keep, message=message)
        return sent is not None
