"""A web server in a thread of its own, watched over like every other thread of the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from edge.device.clock import Clock
from edge.device.thread import WatchedThread
from edge.rate_limit import LogOnce
from edge.web.server import Handler, HttpServer, listen

log = logging.getLogger(__name__)

AGAIN_S = 10.0  # a port that is taken is tried again
_BEAT_S = 1.0


class WebThread(WatchedThread):
    """Serves `handle` at one address until stopped. It can be started again after it died or was stopped.

    Its heartbeat is when its event loop last turned. `key` is the section of the config that it belongs to, `beside`
    runs in the same loop while the port is open.
    """

    def __init__(
        self,
        key: str,
        address: str,
        port: int,
        handle: Handler,
        *,
        most: int,
        clock: Clock,
        beside: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(key, clock)
        self._address, self._port = address, port
        self._handle = handle
        self._most = most
        self._beside = beside
        self._once = LogOnce(log, clock)
        self._ending = asyncio.Event()  # it was told to end, for the loop
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self._stopping.clear()
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        super().start()

    def stop(self) -> None:
        """Ask it to end; `join` waits for it."""
        self._stopping.set()
        self.call(self._ending.set)

    def call(self, function: Callable[[], object]) -> None:
        """Have something done in the loop, from any thread; nothing happens while it does not run."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        loop = self._loop
        if loop is None:  # `start` makes it
            return
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._main())
        except Exception:
            log.exception("%s failed", self.name)
        finally:
            loop.close()

    async def _main(self) -> None:
        """Serve until stopped; whatever else ends it is raised."""
        serving = asyncio.ensure_future(self._serve())
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            while not self._stopping.is_set() and not serving.done():
                self.heartbeat = self._clock.monotonic()
                await asyncio.wait([serving, ending], timeout=_BEAT_S, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            for task in (serving, ending):
                task.cancel()
            await asyncio.gather(serving, ending, return_exceptions=True)

    async def _serve(self) -> None:
        where = f"{self._address} port {self._port}"
        while True:
            try:
                listener = listen(self._address, self._port)
            except OSError as error:
                self._once.say(
                    logging.ERROR,
                    f"{self.name}: cannot listen on {where}: {error.strerror}; trying again every {AGAIN_S:.0f} s; "
                    f"stop the program that uses the port, or change {self.name}.port",
                )
                await asyncio.sleep(AGAIN_S)
                continue
            with contextlib.closing(listener):
                log.info("%s: listening on %s", self.name, where)
                server = HttpServer(self.name, self._handle, self._most, self._clock, self._once)
                parts = [server.serve(listener), *([self._beside()] if self._beside else [])]
                tasks = [asyncio.ensure_future(part) for part in parts]
                try:
                    await asyncio.gather(*tasks)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
