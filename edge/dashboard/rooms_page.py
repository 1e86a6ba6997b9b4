"""The page of all rooms: reads a broker, shows states, changes nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from edge.config import schema
from edge.dashboard.files import Files
from edge.dashboard.live import Viewers, stream
from edge.dashboard.password import Password
from edge.dashboard.rooms import MOST as MOST_ROOMS
from edge.dashboard.rooms import Rooms
from edge.dashboard.sign_in import SignIn, redirect
from edge.device.clock import Clock
from edge.language.catalogue import Language
from edge.messages.payloads import Payload
from edge.messages.status import BrokerStatus
from edge.rate_limit import LogOnce
from edge.readings import CIRCUMPLEX, LABELS
from edge.web.exchange import Answer, Refused, Request, json
from edge.web.guard import check_host, check_origin, check_site, own_names
from edge.web.thread import WebThread, log

MOST = 40  # connections at a time
LOOK_S = 1.0
_WAITING = 5_000  # messages between the broker's thread and ours


class RoomsPage:
    """Serves until stopped; `hear` is called from the connection's thread."""

    def __init__(
        self,
        settings: schema.DashboardConfig,
        *,
        password: Password,
        base: str,
        broker: Callable[[], BrokerStatus],
        clock: Clock,
        language: Language = "en",
    ) -> None:
        self.rooms = Rooms()
        self._base = base
        self._broker = broker
        self._broker_sent: BrokerStatus | None = None
        self._clock = clock
        self._names = own_names(settings.names)
        self._viewers = Viewers()
        self._waiting: deque[tuple[str, str, Payload | str, float]] = deque(maxlen=_WAITING)
        self._woken = False
        self._work = ThreadPoolExecutor(1, "rooms-work")
        self._files = Files(language)
        self._sign_in = SignIn(settings, password, self._files, clock=clock, once=LogOnce(log, clock), work=self._work)
        self.thread = WebThread(
            "dashboard", settings.listen, settings.port, self.handle, most=MOST, clock=clock, beside=self._tend
        )

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self.thread.start()

    def stop(self) -> None:
        """End; whoever looks sees the end of the stream."""
        self.thread.stop()
        self.thread.join(2.0)
        self._work.shutdown(wait=False, cancel_futures=True)

    def hear(self, device: str, topic: str, payload: Payload | str) -> None:
        """A message of a device; the rest happens in our thread."""
        self._waiting.append((device, topic, payload, self._clock.monotonic()))
        if not self._woken:
            self._woken = True
            self.thread.call(self._digest)

    async def handle(self, request: Request) -> tuple[Answer, AsyncGenerator[bytes, None] | None]:
        """The answer to any request; Refused is one too."""
        if not self._sign_in.by_ingress(request):
            check_host(request.headers, self._names)
        if request.method == "POST":
            return await self._post(request), None
        self._sign_in.refresh()
        if request.path == "/live":
            check_site(request.headers)
            return self._live(request)
        if request.path in ("/", "/login"):
            known = self._sign_in.session(request) is not None
            if known == (request.path == "/login"):
                return redirect("./" if known else "login"), None
            return self._files.page("rooms", request) if known else self._sign_in.page(request), None
        file = self._files.get(request.path, request)
        if file is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        return file, None

    async def _post(self, request: Request) -> Answer:
        check_origin(request.headers)
        if request.path == "/login":
            return await self._sign_in.sign_in(request)
        if request.path != "/logout":
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        word = self._sign_in.required(request)
        self._sign_in.check_token(request, word)
        self._sign_in.sign_out(word)
        self._viewers.signed_out(word)
        return json({})

    def _live(self, request: Request) -> tuple[Answer, AsyncGenerator[bytes, None]]:
        word = self._sign_in.required(request)
        viewer = self._viewers.add(word)
        if viewer is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers at once", {"Retry-After": "30"})
        now, broker = self._clock.monotonic(), self._broker()
        self.rooms.check(now, cut_off=broker.state != "connected")
        first = {
            "now": now,
            "labels": {label: CIRCUMPLEX[label] for label in LABELS},
            "base": self._base,
            "rooms": self.rooms.all(now),
            "left_out": self.rooms.left_out,
            "most": MOST_ROOMS,
            "broker": asdict(broker),
            "signed_in": bool(word),
            "token": self._sign_in.token(word),
        }
        answer = Answer(kind="text/event-stream", stream=True)
        return answer, stream(self._viewers, viewer, first, self._sign_in.still, self._clock)

    async def _tend(self) -> None:
        """Whatever changes without a message."""
        try:
            self._digest()
            while True:
                await asyncio.sleep(LOOK_S)
                broker = self._broker()
                if broker != self._broker_sent:
                    self._broker_sent = broker
                    self._viewers.send([("broker", asdict(broker))])
                self._send(self.rooms.check(self._clock.monotonic(), cut_off=broker.state != "connected"))
        finally:
            self._viewers.end()

    def _digest(self) -> None:
        self._woken = False
        changed: dict[str, dict[str, Any]] = {}
        while self._waiting:
            told = self.rooms.take(*self._waiting.popleft())
            if told is not None:
                changed[told["id"]] = told
        self._send([*changed.values()])

    def _send(self, rooms: list[dict[str, Any]]) -> None:
        self._viewers.send([("room", room) for room in rooms])
