"""What the publisher thread has to do: one bounded queue that nobody ever waits for."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from edge.messages.payloads import Payload
from edge.messages.topics import kind_of
from edge.mqtt.events import Arrived

MAX_MESSAGES = 1_000
MAX_ARRIVED = 64  # commands from others that wait to be read: a flood of them is not our duty


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish."""

    topic: str  # below the base
    payload: Payload | str
    captured: float  # monotonic


def about_people(topic: str) -> bool:
    """False for what tells of the device itself, which privacy need not forget."""
    return not kind_of(topic).retained and topic.split("/", 1)[0] not in {"health", "response"}


class PublishQueue:
    """Filled from any thread, emptied by one."""

    def __init__(self) -> None:
        self.dropped = 0  # messages that found no room
        self._changed = threading.Condition()
        self._messages: deque[Message] = deque()
        self._events: deque[Any] = deque()
        self._arrived = 0
        self._woken = False

    def publish(self, message: Message) -> None:
        """Adds a message; when there is no room the oldest of those that an outage would lose anyway goes first."""
        with self._changed:
            if len(self._messages) >= MAX_MESSAGES:
                self._make_room()
            self._messages.append(message)
            self._changed.notify()

    def tell(self, event: Any) -> None:
        """Adds an event of the link or of the owner; these are few and never dropped, except a flood of commands."""
        with self._changed:
            if isinstance(event, Arrived):
                if self._arrived >= MAX_ARRIVED:
                    return
                self._arrived += 1
            self._events.append(event)
            self._changed.notify()

    def wake(self) -> None:
        """Makes `take` return now."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, timeout: float) -> tuple[list[Any], list[Message]]:
        """All that is there; waits for something up to `timeout` seconds."""
        with self._changed:
            if not (self._events or self._messages or self._woken):
                self._changed.wait(timeout)
            events, messages = list(self._events), list(self._messages)
            self._events.clear()
            self._messages.clear()
            self._arrived = 0
            self._woken = False
        return events, messages

    def forget(self) -> None:
        """Drops the messages about people; what tells of the device itself stays."""
        with self._changed:
            self._messages = deque(each for each in self._messages if not about_people(each.topic))

    def _make_room(self) -> None:
        for index, message in enumerate(self._messages):
            if kind_of(message.topic).qos == 0:
                del self._messages[index]
                break
        else:
            self._messages.popleft()
        self.dropped += 1
