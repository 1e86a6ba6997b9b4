"""What becomes of a message: sent live, kept for the backlog, remembered for the next connect, or dropped."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace

from edge.device.clock import Clock
from edge.messages.numbering import Stamp
from edge.messages.payloads import Payload
from edge.messages.topics import LIVE_AGE_S, Topic, kind_of
from edge.mqtt.answers import ResponseRouter
from edge.mqtt.backlog import Backlog
from edge.mqtt.inbox import Message, about_people
from edge.mqtt.link import Link
from edge.mqtt.outbox import Outbox
from edge.mqtt.retry import RetryPolicy
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lasting:
    """The latest of a retained topic, published again on every connect; its number is taken when it is first sent."""

    message: Message
    number: int | None = None


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A QoS 1 message that the broker has not acknowledged yet."""

    topic: str
    text: bytes
    captured: float
    since: float
    keep: int = 0
    row: int | None = None  # of the outbox, if it is backlog


class Sender:
    """Belongs to the publisher's thread."""

    def __init__(
        self, stamp: Stamp, outbox: Outbox, answers: ResponseRouter, *, clock: Clock, pace: RetryPolicy, once: LogOnce
    ) -> None:
        self._stamp = stamp
        self._outbox = outbox
        self._backlog = Backlog(outbox, stamp, clock, pace)
        self._answers = answers
        self._clock = clock
        self._grace = pace.grace
        self._once = once
        self._link: Link | None = None
        self._hopeful = True  # the first attempt is under way: what is said meanwhile may still be sent live
        self._window = 0
        self._lasting: dict[str, _Lasting] = {}
        self._queue: deque[Message] = deque()  # QoS 1, until the window has room
        self._under_way: dict[int, _UnderWay] = {}  # by message id, in the order of sending
        self._recent: deque[tuple[float, _UnderWay]] = deque()  # acknowledged within the grace, and when

    @property
    def oldest(self) -> float | None:
        """Since when the broker owes an acknowledgement."""
        return next((each.since for each in self._under_way.values()), None)

    @property
    def idle(self) -> bool:
        """Nothing live is under way or waits to be."""
        return not self._queue and all(each.row is not None for each in self._under_way.values())

    def link_up(self, link: Link, window: int) -> None:
        """Tells the broker what lasts, availability last, so that nobody sees us online with old values."""
        self._link, self._window = link, window
        self._backlog.begin()
        lasting = sorted(self._lasting, key=lambda topic: topic != "availability")
        self._queue.extendleft(self._lasting[topic].message for topic in lasting)
        self._send_queue()

    def link_down(self) -> None:
        """No link, or none came about: keeps what was not acknowledged and what had no chance to be sent."""
        self._link, self._hopeful = None, False
        under_way, queue = [*(each for _, each in self._recent), *self._under_way.values()], list(self._queue)
        self._recent.clear()
        self._under_way.clear()
        self._queue.clear()
        for each in under_way:
            if each.keep:
                self._keep(each.keep, each.topic, each.text, each.captured)
        for message in queue:
            if not kind_of(message.topic).retained:
                self.take(message)

    def take(self, message: Message) -> None:
        """Sends a message, or keeps it, or drops it: by its topic's rules, its age and the link."""
        rules = kind_of(message.topic)
        if rules.retained:
            self._lasting[message.topic] = _Lasting(message)
            if self._link:
                self._queue = deque(each for each in self._queue if each.topic != message.topic)
                self._queue.append(message)
                self._send_queue()
        elif self._stale(message) or not (self._link or self._hopeful):
            self._put_aside(message, rules)
        elif rules.qos == 0:
            self._send(message, rules)
        else:
            self._queue.append(message)
            self._send_queue()

    def acknowledged(self, message_id: int, refused: str) -> None:
        """The broker has a message, or does not want it."""
        done = self._under_way.pop(message_id, None)
        if done is None:
            return
        lasting = self._lasting.get(done.topic)
        if lasting and lasting.message.payload == "" and not done.text:
            del self._lasting[done.topic]  # what was cleared stays so: not again on every connect
        if refused:
            line = f"the broker does not let us publish on {done.topic}: {refused}; check its access list"
            self._once.say(logging.ERROR, line)
            self._outbox.dropped += 1
        if not refused and (done.keep or done.row is not None):
            self._recent.append((self._clock.monotonic(), done))
        elif done.row is not None:
            self._backlog.delivered(done.row)
        self._send_queue()

    def settle(self, at_once: bool = False) -> None:
        """What was acknowledged long enough ago is the broker's affair."""
        now = self._clock.monotonic()
        while self._recent and (at_once or now - self._recent[0][0] >= self._grace):
            _, done = self._recent.popleft()
            if done.row is not None:
                self._backlog.delivered(done.row)

    def send_backlog(self) -> None:
        """Sends what waits, as far as the rate and half of the window allow: live messages go first."""
        if not self._link:
            return
        under_way = sum(each.row is not None for each in self._under_way.values())
        room = min(max(1, self._window // 2), self._window - len(self._under_way) + under_way)
        now = self._clock.monotonic()
        for row, text in self._backlog.next(room, under_way):
            sent = self._link.send("backlog", text, qos=1, retain=False, correlation=None)
            if sent is not None:
                self._under_way[sent] = _UnderWay("backlog", text, now, now, row=row)

    def forget(self) -> None:
        """Privacy: what is about people and not with the broker yet. What is under way will not be kept either."""
        self._queue = deque(each for each in self._queue if not about_people(each.topic))
        self._recent.clear()
        self._under_way = {key: replace(each, text=b"", keep=0) for key, each in self._under_way.items()}
        self._backlog.forget()

    def _stale(self, message: Message) -> bool:
        return self._clock.monotonic() - message.captured > LIVE_AGE_S

    def _put_aside(self, message: Message, rules: Topic) -> None:
        if rules.keep and self._outbox.keeps and isinstance(message.payload, Payload):
            text, _ = self._stamp.numbered(message.topic, message.payload, message.captured)
            self._keep(rules.keep, message.topic, text, message.captured)

    def _keep(self, rank: int, topic: str, text: bytes, captured: float) -> None:
        if self._outbox.keeps:
            self._outbox.add(rank, topic, text, captured, self._stamp.wall(captured))
        else:
            self._outbox.dropped += 1

    def _send_queue(self) -> None:
        while self._queue and self._link and len(self._under_way) < self._window:
            message = self._queue.popleft()
            rules = kind_of(message.topic)
            if not rules.retained and self._stale(message):
                self._put_aside(message, rules)
            else:
                self._send(message, rules)

    def _send(self, message: Message, rules: Topic) -> None:
        if not self._link:
            return
        topic, correlation = self._answers.route(message.topic, message.payload)
        if isinstance(message.payload, str):
            self._hand_over(message, rules, topic, message.payload.encode(), correlation)
            return
        lasting = self._lasting.get(message.topic) if rules.retained else None
        told = lasting.number if lasting else None
        text, number = self._stamp.numbered(topic, message.payload, message.captured, told)
        if self._hand_over(message, rules, topic, text, correlation):
            if lasting:
                lasting.number = number
        elif rules.keep:
            self._keep(rules.keep, topic, text, message.captured)
        elif told is None:
            self._stamp.give_back(topic)

    def _hand_over(self, message: Message, rules: Topic, topic: str, text: bytes, correlation: bytes | None) -> bool:
        if not self._link:
            return False
        sent = self._link.send(topic, text, qos=rules.qos, retain=rules.retained, correlation=correlation)
        if sent is not None and rules.qos == 1:
            now = self._clock.monotonic()
            self._under_way[sent] = _UnderWay(topic, text, message.captured, now, rules.keep)
        return sent is not None
