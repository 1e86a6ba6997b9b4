"""The metrics as an observer of the service: it keeps the newest values, and a thread of its own answers scrapes."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable
from http import HTTPStatus

from edge.config import schema
from edge.device.clock import Clock
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.metrics.text import CONTENT_TYPE
from edge.metrics.values import Values
from edge.web.exchange import Answer, Refused, Request
from edge.web.guard import check_host
from edge.web.thread import WebThread

MOST = 4  # connections at a time
_NAMES = frozenset({"localhost"})


class MetricsObserver:
    """An observer of the service (see edge.service.outlets)."""

    def __init__(self, settings: schema.MetricsConfig, broker: Callable[[], BrokerStatus], clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._values = Values()
        self._lock = threading.Lock()
        self.thread = WebThread("metrics", settings.listen, settings.port, self._handle, most=MOST, clock=clock)

    def start(self) -> None:
        self.thread.start()

    def notify(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        at = self._clock.monotonic() if captured is None else captured
        with self._lock:
            self._values.notify(topic, payload, at)

    def stop(self, timeout: float = 2.0) -> None:
        self.thread.stop()
        self.thread.join(timeout)

    def page(self) -> str:
        """What a scrape gets."""
        broker = self._broker()
        with self._lock:
            return self._values.page(self._clock.monotonic(), broker)

    async def _handle(self, request: Request) -> tuple[Answer, AsyncGenerator[bytes, None] | None]:
        check_host(request.headers, _NAMES)
        if request.method != "GET":
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is allowed", {"Allow": "GET"})
        if request.path != "/metrics":
            raise Refused(HTTPStatus.NOT_FOUND, "the metrics are at /metrics")
        return Answer(self.page().encode(), CONTENT_TYPE), None
