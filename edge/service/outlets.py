"""Where the service tells things: the broker, and whoever listens beside it. Nothing here knows MQTT or HTTP."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus

log = logging.getLogger(__name__)


class Broker(Protocol):
    """What the service needs of the way to the broker; edge.service.build gives it one that speaks MQTT."""

    @property
    def device(self) -> str:
        """The name under which this device is known there."""

    def start(self) -> None: ...

    def publish(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        """`topic` is below base and device. `captured` is the monotonic time of what is told; not given, it is now."""

    def purge(self) -> None:
        """Forget everything about people that waits, in memory and on disk. StorageError if that could not be done."""

    def status(self) -> BrokerStatus: ...

    def stop(self, timeout: float) -> None:
        """Tell that we are offline and end; returns in time."""


class Observer(Protocol):
    """Lives beside the decision loop: the page, the metrics. `notify` is called in its thread and returns at once."""

    def start(self) -> None: ...

    def notify(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        """A message for `topic` below base and device, as it goes to the broker; its head is not filled yet."""

    def stop(self) -> None: ...


class Outlets:
    """Tells the broker and every observer."""

    def __init__(self, broker: Broker, observers: Sequence[Observer] = ()) -> None:
        self.broker = broker
        self.observers = list(observers)

    def start(self) -> None:
        self.broker.start()
        for observer in self.observers:
            observer.start()

    def tell(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        """`captured` is the monotonic time of what is told; not given, it is now."""
        self.broker.publish(topic, payload, captured)
        for observer in list(self.observers):
            try:
                observer.notify(topic, payload, captured)
            except Exception:  # a page must not end the loop that everything hangs on
                log.exception("%s failed and is notified no more", type(observer).__name__)
                self.observers.remove(observer)
