"""The page as an observer of the service: what is published goes into its history and to whoever looks. It has a
thread of its own and costs next to nothing while nobody looks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import count
from typing import Any

from edge.config import schema
from edge.dashboard.actions import Actions
from edge.dashboard.days import Days, PastDays
from edge.dashboard.files import Files
from edge.dashboard.history import History, News
from edge.dashboard.live import Viewers
from edge.dashboard.password import Password
from edge.dashboard.preview import Aim
from edge.dashboard.sign_in import SignIn
from edge.dashboard.site import Site
from edge.device.clock import Clock
from edge.language.catalogue import Language
from edge.language.lines import said_in_each
from edge.messages.commands import Command
from edge.messages.payloads import Payload, ResponsePayload
from edge.messages.status import BrokerStatus
from edge.rate_limit import LogOnce
from edge.web.exchange import Answer, Request
from edge.web.guard import own_names
from edge.web.thread import WebThread, log

MOST = 40  # connections at a time, viewers among them
ANSWER_S = 5.0  # the service has this long to answer
LOOK_S = 2.0  # while somebody looks, health is asked for this often
_WAITING = 2_000  # messages between the decision loop and our thread


class DashboardObserver:
    """An observer of the service (see edge.service.outlets). `send` puts a command to it, from any thread.

    `over_mqtt` says that everything, signs of life too, comes by way of the broker.
    """

    def __init__(
        self,
        settings: schema.DashboardConfig,
        *,
        password: Password,
        device: str,
        send: Callable[[Command], None],
        broker: Callable[[], BrokerStatus],
        aim: Aim,
        clock: Clock,
        over_mqtt: bool = False,
        language: Language = "en",
        days: PastDays | None = None,
    ) -> None:
        self.settings = settings
        self.history = History(device)
        self._send = send
        self._broker = broker
        self._aim = aim
        self._clock = clock
        self._over_mqtt = over_mqtt
        self._viewers = Viewers()
        self._waiting: deque[tuple[str, Payload | str, float]] = deque(maxlen=_WAITING)
        self._woken = False
        self._numbers = count(1)
        self._asked: dict[str, asyncio.Future[ResponsePayload]] = {}
        self._broker_sent: BrokerStatus | None = None
        self._aim_sent = False
        self._work = ThreadPoolExecutor(1, "dashboard-work")
        once = LogOnce(log, clock)
        files = Files(language)
        sign_in = SignIn(settings, password, files, clock=clock, once=once, work=self._work)
        actions = Actions(
            settings, history=self.history, aim=aim, ask=self._ask, aim_changed=self._send_aim,
            knows_visitors=sign_in.knows_visitors, clock=clock, once=once, work=self._work,
        )  # fmt: skip
        self._site = Site(
            own_names(settings.names), files, sign_in=sign_in, actions=actions, history=self.history,
            days=Days(days, history=self.history, clock=clock, work=self._work),
            viewers=self._viewers, extras=self._extras, clock=clock,
        )  # fmt: skip
        self.thread = WebThread(
            "dashboard", settings.listen, settings.port, self._handle, most=MOST, clock=clock, beside=self._tend
        )

    # From the decision loop

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self.thread.start()

    def notify(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        """Take note; the rest happens in our thread."""
        if topic == "privacy":
            self._aim.privacy(on=payload != "OFF")
            self._aim_sent = True  # it may have begun and ended between two looks: the next one tells
        self._waiting.append((topic, payload, self._clock.monotonic() if captured is None else captured))
        if not self._woken:
            self._woken = True
            self.thread.call(self._digest)

    def stop(self, timeout: float = 2.0) -> None:
        """End; whoever looks sees the end of the stream."""
        self._aim.stop()
        self.thread.stop()
        self.thread.join(timeout)
        self._work.shutdown(wait=False, cancel_futures=True)

    # In our thread

    async def _handle(self, request: Request) -> tuple[Answer, AsyncGenerator[bytes, None] | None]:
        return await self._site.handle(request)

    async def _tend(self) -> None:
        """Whatever changes without a message."""
        try:
            self._digest()  # what came while the thread was not there
            while True:
                await asyncio.sleep(LOOK_S)
                if not self._viewers:
                    continue
                broker = self._broker()
                self._viewers.send(self._checked(broker))
                if broker != self._broker_sent:
                    self._broker_sent = broker
                    self._viewers.send([("broker", _told(broker))])
                aiming = self._aim.left() > 0.0
                if aiming != self._aim_sent:
                    self._aim_sent = aiming
                    self._send_aim()
                self._send(Command("request", "health", None, self._transaction()))
        finally:
            self._viewers.end()

    def _checked(self, broker: BrokerStatus) -> list[News]:
        return self.history.check(self._clock.monotonic(), cut_off=self._over_mqtt and broker.state != "connected")

    def _extras(self) -> dict[str, Any]:
        broker = self._broker()
        self._viewers.send(self._checked(broker))
        return {"service": self.history.service, "broker": _told(broker), "aim": {"left": self._aim.left()}}

    def _send_aim(self) -> None:
        self._viewers.send([("aim", {"left": self._aim.left()})])

    async def _ask(self, kind: Any, name: str, value: Any) -> ResponsePayload:
        transaction = self._transaction()
        future: asyncio.Future[ResponsePayload] = asyncio.get_running_loop().create_future()
        self._asked[transaction] = future
        self._send(Command(kind, name, value, transaction, local=True))
        try:
            return await asyncio.wait_for(future, ANSWER_S)
        except (asyncio.TimeoutError, TimeoutError):
            return ResponsePayload(status="error", error="the service does not respond")
        finally:
            del self._asked[transaction]

    def _transaction(self) -> str:
        return f"page-{id(self)}-{next(self._numbers)}"

    def _digest(self) -> None:
        self._woken = False
        while self._waiting:
            topic, payload, at = self._waiting.popleft()
            if isinstance(payload, ResponsePayload):
                self._take_answer(topic, payload, at)
            else:
                self._viewers.send(self.history.take(topic, payload, at))

    def _take_answer(self, topic: str, answer: ResponsePayload, at: float) -> None:
        future = self._asked.get(str(answer.transaction))
        if future is not None and not future.done():
            future.set_result(answer)
        elif topic == "response/health" and isinstance(answer.data, dict):
            self._viewers.send(self.history.take_health(answer.data, at))


def address(settings: schema.DashboardConfig) -> str:
    """Where a browser on this device finds it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.listen, settings.listen)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.port}/"


def _told(broker: BrokerStatus) -> dict[str, Any]:
    """For the page, which says the reason in the visitor's language."""
    return {**asdict(broker), "said": said_in_each(broker.reason)}
