"""Sockets: who may connect, how many at once, how fast. Work per second is bounded, whatever comes from outside."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

from edge.clock import Clock
from edge.dashboard.attempts import Bucket
from edge.dashboard.exchange import MAX_HEAD, Answer, Refused, Request, hang_up, read_request, send
from edge.mqtt.once import Once

log = logging.getLogger(__name__)

MOST = 40  # connections, viewers among them
_BURST, _EVERY_S = 100, 0.02  # connections taken at once, and then one per this time: others wait in the kernel

Handler = Callable[[Request], Awaitable[tuple[Answer, AsyncIterator[bytes] | None]]]


class Server:
    """Accepts on one socket and hands each request to `handle`. Belongs to the page's thread."""

    def __init__(self, handle: Handler, clock: Clock, once: Once) -> None:
        self._handle = handle
        self._clock = clock
        self._once = once
        self._bucket = Bucket(_BURST, _EVERY_S, clock.monotonic())
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent: dict[asyncio.Task[None], None] = {}  # connected, nothing asked yet; the oldest first

    async def serve(self, listener: socket.socket) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                wait = self._bucket.wait(self._clock.monotonic())
                if wait > 0.0:
                    self._once.say(logging.WARNING, "the page is flooded with connections: they have to wait")
                    await asyncio.sleep(wait)
                    continue
                await self._make_room()
                try:
                    connection, address = await loop.sock_accept(listener)
                except OSError as error:  # no descriptor left, or gone before it was taken
                    log.debug("accept: %s", error)
                    await asyncio.sleep(0.1)
                    continue
                self._bucket.take()
                task = loop.create_task(self._serve_one(connection, _plain(address[0])))
                self._tasks.add(task)
                self._silent[task] = None
                task.add_done_callback(self._ended)
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._silent.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("a request to the page failed", exc_info=task.exception())

    async def _make_room(self) -> None:
        """When there are too many, whoever has been silent for longest goes."""
        while len(self._tasks) >= MOST:
            oldest = next(iter(self._silent), None)
            if oldest is not None:
                self._silent.pop(oldest)
                oldest.cancel()
            await asyncio.wait(self._tasks, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)

    async def _serve_one(self, connection: socket.socket, peer: str) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=connection, limit=MAX_HEAD)
        except OSError:
            connection.close()
            return
        writer.transport.set_write_buffer_limits(high=256 * 1024)
        try:
            with contextlib.suppress(OSError, asyncio.TimeoutError, TimeoutError):
                await self._converse(reader, writer, peer)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        try:
            request = await read_request(reader, peer)
            if request is None:
                return
            self._silent.pop(asyncio.current_task(), None)  # type: ignore[arg-type]
            answer, more = await self._handle(request)
        except Refused as refused:
            self._once.say(logging.WARNING, f"the page refused a request from {peer}: {refused}")
            answer = Answer(f"{refused}\n".encode(), status=refused.status, headers=refused.headers)
            await send(writer, answer.head(), answer.body)
            await hang_up(reader, writer)
            return
        except (OSError, asyncio.TimeoutError, TimeoutError):
            raise
        except Exception:
            log.exception("the page failed to answer %s", peer)
            answer, more = Answer(b"an unexpected fault\n", status=HTTPStatus.INTERNAL_SERVER_ERROR), None
        await send(writer, answer.head(), answer.body)
        if more is not None:
            async with contextlib.aclosing(more) as parts:  # type: ignore[type-var]
                async for part in parts:
                    await send(writer, part)


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; OSError when that cannot be had."""
    six = ipaddress.ip_address(address).version == 6
    family = socket.AF_INET6 if six else socket.AF_INET
    dual = address == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server((address, port), family=family, backlog=64, dualstack_ipv6=dual)
    listener.setblocking(False)
    return listener


def _plain(address: str) -> str:
    """An IPv4 address also when it comes over a socket for both."""
    return address.removeprefix("::ffff:")
