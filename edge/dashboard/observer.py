"""The page beside the decision loop: it hears what is told, in a thread of its own, and costs next to nothing
while nobody looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import count
from typing import Any

from edge.config import schema
from edge.dashboard.history import History
from edge.dashboard.live import Viewers
from edge.dashboard.password import Password
from edge.dashboard.preview import Aim
from edge.dashboard.server import PageServer, listen
from edge.dashboard.site import Site
from edge.device.clock import Clock
from edge.messages.commands import Command
from edge.messages.payloads import Payload, ResponsePayload
from edge.messages.status import BrokerStatus
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)

ANSWER_S = 5.0  # the service has this long to answer
LOOK_S = 2.0  # while somebody looks, health is asked for this often
AGAIN_S = 10.0  # the port may become free
_HEARD = 2_000


class DashboardObserver:
    """An observer of the service (see edge.service.observers). `send` puts a command to it, from any thread."""

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
    ) -> None:
        self.settings = settings
        self.history = History(device)
        self._password = password
        self._send = send
        self._broker = broker
        self._aim = aim
        self._clock = clock
        self._once = LogOnce(log, clock)
        self._viewers = Viewers()
        self._heard: deque[tuple[str, Payload | str, float]] = deque(maxlen=_HEARD)
        self._woken = False
        self._numbers = count(1)
        self._asked: dict[str, asyncio.Future[ResponsePayload]] = {}
        self._broker_told: BrokerStatus | None = None
        self._aim_told = False
        self._stopping = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._main: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)

    # From the decision loop

    def start(self) -> None:
        """Begin to serve; returns at once. A port that is taken is tried again."""
        self._thread.start()

    def hear(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        """Take note; the rest happens in our thread."""
        if topic == "privacy":
            self._aim.privacy(on=payload != "OFF")
            self._aim_told = True  # it may have begun and ended between two looks: the next one tells
        self._heard.append((topic, payload, self._clock.monotonic() if captured is None else captured))
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._digest)

    def stop(self) -> None:
        """End; who looks is told by the end of the stream."""
        self._stopping.set()
        self._aim.stop()
        if self._thread.ident is None:
            self._loop.close()
            return
        with contextlib.suppress(RuntimeError):  # it may have ended already
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join(2.0)

    # In our thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with ThreadPoolExecutor(1, "dashboard-work") as work:
            while not self._stopping.is_set():
                self._main = self._loop.create_task(self._serve(work))
                try:
                    self._loop.run_until_complete(self._main)
                except asyncio.CancelledError:
                    break
                except OSError as error:
                    where = f"{self.settings.listen} port {self.settings.port}"
                    self._once.say(
                        logging.ERROR,
                        f"the page cannot be served at {where}: {error.strerror}; does another program use it? "
                        "It is tried again; or set dashboard.listen or dashboard.port",
                    )
                except Exception:
                    log.exception("the page failed; it is started again")
                self._stopping.wait(AGAIN_S)
        self._loop.close()

    def _end(self) -> None:
        if self._main is not None:
            self._main.cancel()

    async def _serve(self, work: ThreadPoolExecutor) -> None:
        site = Site(
            self.settings, password=self._password, history=self.history, viewers=self._viewers, aim=self._aim,
            ask=self._ask, extras=self._extras, clock=self._clock, once=self._once, work=work,
        )  # fmt: skip
        with contextlib.closing(listen(self.settings.listen, self.settings.port)) as listener:
            log.info("the page is at %s", address(self.settings))
            tending = asyncio.ensure_future(self._tend())
            try:
                await PageServer(site.handle, self._clock, self._once).serve(listener)
            finally:
                self._viewers.end()
                tending.cancel()

    async def _tend(self) -> None:
        """While somebody looks: what changes without being told."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._viewers:
                continue
            broker = self._broker()
            if broker != self._broker_told:
                self._broker_told = broker
                self._viewers.tell([("broker", asdict(broker))])
            aiming = self._aim.left() > 0.0
            if aiming != self._aim_told:
                self._aim_told = aiming
                self._viewers.tell([("aim", {"left": self._aim.left()})])
            self._send(Command("request", "health", None, self._transaction()))

    def _extras(self) -> dict[str, Any]:
        return {"broker": asdict(self._broker()), "aim": {"left": self._aim.left()}}

    async def _ask(self, kind: Any, name: str, value: Any) -> ResponsePayload:
        transaction = self._transaction()
        future: asyncio.Future[ResponsePayload] = self._loop.create_future()
        self._asked[transaction] = future
        self._send(Command(kind, name, value, transaction, local=True))
        try:
            return await asyncio.wait_for(future, ANSWER_S)
        except (asyncio.TimeoutError, TimeoutError):
            return ResponsePayload(status="error", error="the service does not answer; is it running?")
        finally:
            del self._asked[transaction]

    def _transaction(self) -> str:
        return f"page-{id(self)}-{next(self._numbers)}"

    def _digest(self) -> None:
        self._woken = False
        while self._heard:
            topic, payload, at = self._heard.popleft()
            if isinstance(payload, ResponsePayload):
                self._take_answer(topic, payload)
            else:
                self._viewers.tell(self.history.take(topic, payload, at))

    def _take_answer(self, topic: str, answer: ResponsePayload) -> None:
        future = self._asked.get(str(answer.transaction))
        if future is not None and not future.done():
            future.set_result(answer)
        elif topic == "response/health" and isinstance(answer.data, dict):
            self._viewers.tell(self.history.take_health(answer.data))


def address(settings: schema.DashboardConfig) -> str:
    """Where a browser on this device finds it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.listen, settings.listen)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.port}/"
