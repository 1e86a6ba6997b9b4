"""What every bridge is: an outlet that takes the messages of one device, in order, from one thread."""

from __future__ import annotations

from typing import Protocol

from edge.messages.payloads import Payload


class Bridge(Protocol):
    """Made open; raises BridgeError when what it needs is missing."""

    where: str  # for a person: where the readings go

    def forward(self, topic: str, payload: Payload | str, age_s: float) -> None:
        """Pass on one message below the device's prefix, `age_s` old; leave out what has no place there."""

    def close(self) -> None: ...
