"""What the publisher's thread has to do: one bounded queue that nobody ever waits for."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from edge.device.clock import Clock
from edge.messages.payloads import Payload
from edge.messages.topics import kind_of
from edge.mqtt.connection import Received, Requested
from edge.mqtt.request_queue import RequestQueue

MAX_MESSAGES = 1_000
MAX_RECEIVED = 64  # messages on topics of others


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """Something to publish."""

    topic: str  # below the base
    payload: Payload | str
    captured: float  # monotonic


def about_people(topic: str) -> bool:
    """False for what tells of the device itself, which privacy need not forget."""
    return not kind_of(topic).retained and topic.split("/", 1)[0] not in {"health", "response"}


def dispensable(messages: deque[QueuedMessage]) -> int | None:
    """The index of the message that goes first, where there are too many beside those that must stay.

    The newest message of a retained topic must: it is what holds. Answers go first, then what an outage would lose
    anyway, then retained ones that a newer one replaces, then the oldest of the rest.
    """
    newest = {message.topic: index for index, message in enumerate(messages) if kind_of(message.topic).retained}
    if len(messages) - len(newest) <= MAX_MESSAGES:
        return None
    best: tuple[int, int] | None = None
    for index, message in enumerate(messages):
        rules = kind_of(message.topic)
        if rules.retained:
            rank = 4 if newest[message.topic] == index else 2
        elif message.topic.startswith("response/"):
            rank = 0
        else:
            rank = 1 if rules.qos == 0 else 3
        if rank < 4 and (best is None or rank < best[0]):
            best = (rank, index)
    return best[1] if best else None


class PublishQueue:
    """Filled from any thread, emptied by one."""

    def __init__(self, clock: Clock) -> None:
        self.dropped = 0  # messages that found no room
        self._clock = clock
        self._changed = threading.Condition()
        self._messages: deque[QueuedMessage] = deque()
        self._events: deque[Any] = deque()
        self._received = 0
        self._requests = RequestQueue(clock.monotonic())
        self._woken = False

    @property
    def commands_refused(self) -> int:
        """Commands of others that were refused because there were too many."""
        return self._requests.refused

    def publish(self, message: QueuedMessage) -> None:
        """Add a message; when there is no room, the most dispensable one is dropped."""
        with self._changed:
            self._messages.append(message)
            if len(self._messages) > MAX_MESSAGES:
                victim = dispensable(self._messages)
                if victim is not None:
                    del self._messages[victim]
                    self.dropped += 1
            self._changed.notify()

    def report(self, event: Any) -> None:
        """Add an event of the connection or of the owner: these are few. What others send is bounded."""
        with self._changed:
            if isinstance(event, Requested):
                self._requests.put(event, self._clock.monotonic())
                if not len(self._requests):
                    return
            elif isinstance(event, Received):
                if self._received >= MAX_RECEIVED:
                    return
                self._received += 1
                self._events.append(event)
            else:
                self._events.append(event)
            self._changed.notify()

    def wake(self) -> None:
        """Make `take` return now."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, timeout: float) -> tuple[list[Any], list[QueuedMessage]]:
        """All that is there; waits for something up to `timeout` seconds."""
        with self._changed:
            if not (self._events or self._messages or len(self._requests) or self._woken):
                self._changed.wait(timeout)
            events, messages = [*self._events, *self._requests.take()], list(self._messages)
            self._events.clear()
            self._messages.clear()
            self._received = 0
            self._woken = False
        return events, messages

    def forget(self) -> None:
        """Drop the messages about people; what tells of the device itself stays."""
        with self._changed:
            self._messages = deque(each for each in self._messages if not about_people(each.topic))
