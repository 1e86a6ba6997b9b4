"""The metrics beside the decision loop: it hears what is told, a thread of its own answers whoever scrapes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.config import schema
from edge.device.clock import Clock
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.metrics.server import MetricsServer
from edge.metrics.values import Values

log = logging.getLogger(__name__)

AGAIN_S = 10.0  # the port may become free


class MetricsObserver:
    """An observer of the service (see edge.service.observers)."""

    def __init__(self, settings: schema.MetricsConfig, broker: Callable[[], BrokerStatus], clock: Clock) -> None:
        self._settings = settings
        self._broker = broker
        self._clock = clock
        self._values = Values()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hear(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        at = self._clock.monotonic() if captured is None else captured
        with self._lock:
            self._values.hear(topic, payload, at)

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def page(self) -> str:
        """What a scrape gets."""
        broker = self._broker()
        with self._lock:
            return self._values.page(self._clock.monotonic(), broker)

    def _run(self) -> None:
        told = False
        while not self._stopping.is_set():
            where = f"{self._settings.listen} port {self._settings.port}"
            try:
                with MetricsServer(self._settings.listen, self._settings.port, self.page) as server:
                    log.info("metrics: listening on %s", where)
                    while not self._stopping.is_set():
                        server.turn()
            except OSError as error:
                if not told:
                    log.error("metrics: cannot listen on %s: %s; change metrics.port", where, error.strerror)
                told = True
                self._stopping.wait(AGAIN_S)
