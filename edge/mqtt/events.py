"""What a link tells the publisher's thread. `link` is its number: word of an earlier link no longer counts."""

from __future__ import annotations

from dataclasses import dataclass

from edge.mqtt.reasons import Trouble


@dataclass(frozen=True, slots=True)
class Event:
    """Any of them."""

    link: int


@dataclass(frozen=True, slots=True)
class Opened(Event):
    """There is a connection; the broker has not answered yet."""


@dataclass(frozen=True, slots=True)
class Ready(Event):
    """Accepted by the broker and subscribed."""

    window: int  # QoS 1 messages that may be under way at once
    commands_refused: str  # why no command will arrive; empty when all is well


@dataclass(frozen=True, slots=True)
class Acknowledged(Event):
    """The broker has the message, unless `refused` says why not."""

    message: int
    refused: str


@dataclass(frozen=True, slots=True)
class Arrived(Event):
    """Something came from the broker."""

    topic: str  # below base and device, or in full if it is one of others
    payload: bytes
    retained: bool
    response_topic: str | None
    correlation: bytes | None


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """No link any more, or none came about."""

    trouble: Trouble
