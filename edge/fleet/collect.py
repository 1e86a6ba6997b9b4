"""From a broker into the database: batches, acknowledged to the broker only after the database has them.

Several copies may run: on an MQTT 5 broker they share a subscription, on RabbitMQ they read one queue. Whoever is
killed leaves what it had not acknowledged to the others; what then comes twice is recognised by its key.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from edge.errors import StorageError
from edge.fleet.facts import BASE, Fact, Poison, fact
from edge.fleet.store import Parked, Store

log = logging.getLogger(__name__)

BATCH = 500
WAIT_S = 0.2  # a batch is stored at the latest this long after its first message
PATIENCE_S = 30.0  # with a broker that does not answer, before a line says so
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # while the database is away; the broker keeps what we do not take


Pause = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and how to tell its broker that it is safe."""

    topic: str
    payload: bytes
    acknowledge: Callable[[], None]


class Feed(Protocol):
    """Where messages come from. Reconnects by itself; bounded by what the broker lets be unacknowledged."""

    deliveries: queue.Queue[Delivery]
    reading: threading.Event  # set once whatever is published from now on comes here or waits for us

    def start(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Totals:
    """Since the start."""

    new: int = 0
    doubled: int = 0
    parked: int = 0
    batches: int = 0


def collect(feed: Feed, store: Store, stop: threading.Event, pause: Pause = time.sleep, base: str = BASE) -> Totals:
    """Until `stop`. A batch that the database does not take is tried again until it does; those behind it wait."""
    totals = Totals()
    while not stop.is_set():
        batch = next_batch(feed.deliveries)
        if not batch:
            continue
        if not _stored(store, sorted_out(batch, base), totals, stop, pause):
            break
        for delivery in batch:
            delivery.acknowledge()
    return totals


def prepared(store: Store, stop: threading.Event, pause: Pause = time.sleep) -> bool:
    """Connected, with all tables; waits for a database that is away. False when `stop` came first.

    A copy that gave up instead would leave its share of the messages at the broker until it is started again.
    """
    failures = 0
    while not stop.is_set():
        try:
            store.connect()
            store.create()
        except StorageError as error:
            log.warning("%s; trying again", error)
            pause(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1
        else:
            return True
    return False


def listening(feed: Feed, stop: threading.Event, patience_s: float = PATIENCE_S) -> bool:
    """Started and subscribed: what was published before the first time has nowhere to wait. False when `stop` came."""
    feed.start()
    told = time.monotonic()
    while not stop.is_set():
        if feed.reading.wait(0.2):
            return True
        if time.monotonic() - told >= patience_s:
            told = time.monotonic()
            log.warning("the broker has not taken our subscriptions yet; trying on")
    return False


def next_batch(deliveries: queue.Queue[Delivery], most: int = BATCH, wait_s: float = WAIT_S) -> list[Delivery]:
    """What comes within `wait_s` of the first message; nothing if none comes within a second."""
    try:
        batch = [deliveries.get(timeout=1.0)]
    except queue.Empty:
        return []
    end = time.monotonic() + wait_s
    while len(batch) < most:
        try:
            batch.append(deliveries.get(timeout=max(0.0, end - time.monotonic())))
        except queue.Empty:
            break
    return batch


def sorted_out(batch: list[Delivery], base: str = BASE) -> tuple[list[Fact], list[Parked]]:
    """Facts, and what is none, with the reason."""
    facts: list[Fact] = []
    parked: list[Parked] = []
    for delivery in batch:
        try:
            facts.append(fact(delivery.topic, delivery.payload, base))
        except Poison as poison:
            parked.append((delivery.topic, str(poison), delivery.payload))
    return facts, parked


def _stored(
    store: Store, batch: tuple[list[Fact], list[Parked]], totals: Totals, stop: threading.Event, pause: Pause
) -> bool:
    """Whether the database has the batch; False when `stop` came first."""
    failures = 0
    while not stop.is_set():
        try:
            done = store.put(*batch)
        except StorageError as error:
            log.warning("%s; trying again", error)
            pause(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1
            with suppress(StorageError):
                store.connect()
        else:
            totals.new += done.new
            totals.doubled += done.doubled
            totals.parked += done.parked
            totals.batches += 1
            return True
    return False
