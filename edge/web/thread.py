"""A web server in a thread of its own, watched over like every other thread of the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable

from edge.device.clock import Clock
from edge.rate_limit import LogOnce
from edge.web.server import Handler, HttpServer, listen

log = logging.getLogger(__name__)

AGAIN_S = 10.0  # a port that is taken is tried again
_BEAT_S = 1.0


class WebThread:
    """Serves `handle` at one address until stopped. It can be started again after it died or was stopped.

    `heartbeat` is the monotonic time at which its event loop last turned, `alive` whether it runs at all. `key` is the
    section of the config that it belongs to, `beside` runs in the same loop while the port is open.
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
        self.name = key
        self.heartbeat = clock.monotonic()
        self._address, self._port = address, port
        self._handle = handle
        self._most = most
        self._clock = clock
        self._beside = beside
        self._once = LogOnce(log, clock)
        self._stopping = threading.Event()
        self._ending = asyncio.Event()  # the same, for the loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self.heartbeat = self._clock.monotonic()
        self._stopping.clear()
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; `join` waits for it."""
        self._stopping.set()
        self.call(self._ending.set)

    def join(self, timeout: float) -> bool:
        """Whether it ended in time."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def call(self, function: Callable[[], object]) -> None:
        """Have something done in the loop, from any thread; nothing happens while it does not run."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(function)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
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
