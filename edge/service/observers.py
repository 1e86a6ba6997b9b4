"""Who else hears what is told to the broker: the page, the metrics. They come and go with the service."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from edge.messages.payloads import Payload
from edge.mqtt.publisher import Publisher

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Lives beside the decision loop. `hear` is called in its thread and must return at once."""

    def start(self) -> None: ...

    def hear(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        """A message for `topic` below base and device, as it goes to the broker; its head is not filled yet."""

    def stop(self) -> None: ...


class Outlet:
    """Where the decision loop tells things: the broker, and every observer."""

    def __init__(self, publisher: Publisher, observers: Sequence[Observer] = ()) -> None:
        self._publisher = publisher
        self._observers = list(observers)

    def start(self) -> None:
        for observer in self._observers:
            observer.start()

    def tell(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        """`captured` is the monotonic time of what is told; not given, it is now."""
        self._publisher.publish(topic, payload, captured)
        for observer in list(self._observers):
            try:
                observer.hear(topic, payload, captured)
            except Exception:  # a page must not end the loop that everything hangs on
                log.exception("%s failed and hears nothing more", type(observer).__name__)
                self._observers.remove(observer)

    def stop(self) -> None:
        for observer in self._observers:
            observer.stop()
