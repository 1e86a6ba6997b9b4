"""The newest message of each retained topic: what a broker must have after each connect, and what it has kept of us."""

from __future__ import annotations

from dataclasses import dataclass

from edge.messages.topics import DISCOVERY, SETTINGS
from edge.mqtt.publish_queue import QueuedMessage

_LARGE_OR_MANY = ("config/", DISCOVERY, SETTINGS)


@dataclass(slots=True)
class _Newest:
    message: QueuedMessage
    number: int | None = None  # taken when it is first sent
    delivered: bool = False  # the broker has it, or had it


class RetainedMessages:
    """Belongs to the publisher's thread."""

    def __init__(self) -> None:
        self._newest: dict[str, _Newest] = {}

    def remember(self, message: QueuedMessage) -> None:
        """In place of the one before on its topic."""
        self._newest[message.topic] = _Newest(message)

    def number(self, topic: str) -> int | None:
        """The number under which the newest was sent already."""
        newest = self._newest.get(topic)
        return newest.number if newest else None

    def sent(self, topic: str, number: int) -> None:
        """The newest has this number from now on, however often it is sent."""
        if topic in self._newest:
            self._newest[topic].number = number

    def acknowledged(self, topic: str, message: QueuedMessage | None, *, empty: bool, refused: bool) -> None:
        """The broker has `message`, or refused it. What was cleared by an empty one is not sent on every connect."""
        newest = self._newest.get(topic)
        if newest is None:
            return
        if newest.message is message and not refused:
            newest.delivered = True
        if newest.message.payload == "" and empty:
            del self._newest[topic]

    @property
    def delivered_before(self) -> bool:
        """Whether the broker had `settings`, and with it what came before: it may have all of it still."""
        settings = self._newest.get(SETTINGS)
        return settings is not None and settings.delivered

    def to_send(self, *, kept: bool) -> list[QueuedMessage]:
        """What the broker must be told, in order: availability last, so that nobody sees us online with old values.

        What was `kept` and is large or many is not sent again; what matters most, such as privacy, always is: nodes of
        a cluster may keep different things.
        """
        wanted = [
            topic
            for topic, newest in self._newest.items()
            if not (kept and newest.delivered and topic.startswith(_LARGE_OR_MANY))
        ]
        order = sorted(wanted, key=lambda topic: (topic == "availability", topic.startswith(DISCOVERY)))
        return [self._newest[topic].message for topic in order]
