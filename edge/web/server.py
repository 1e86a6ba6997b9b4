"""Sockets: who may connect, how many at once, how fast. Work per second is bounded, whatever comes from outside."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from http import HTTPStatus

from edge.device.clock import Clock
from edge.rate_limit import LogOnce, RateLimit
from edge.web.exchange import MAX_HEAD, PATIENCE_S, Answer, Refused, Request, hang_up, read_request, send

log = logging.getLogger(__name__)

_BURST, _EVERY_S = 100, 0.02  # connections taken at once, and then one per this time: others wait in the kernel
_BUFFER = 64 * 1024  # bytes on their way to one viewer, in the process and in the kernel, each

Handler = Callable[[Request], Awaitable[tuple[Answer, AsyncGenerator[bytes, None] | None]]]


class HttpServer:
    """Accepts on one socket and hands each request to `handle`; at most `most` connections. Belongs to one event loop.

    `name` is what the log calls it.
    """

    def __init__(self, name: str, handle: Handler, most: int, clock: Clock, once: LogOnce) -> None:
        self._name = name
        self._handle = handle
        self._most = most
        self._clock = clock
        self._once = once
        self._bucket = RateLimit(_BURST, _EVERY_S, clock.monotonic())
        self._tasks: set[asyncio.Task[None]] = set()
        self._bare: dict[asyncio.Task[None], socket.socket] = {}  # accepted, not yet wrapped in a stream
        self._silent: dict[asyncio.Task[None], None] = {}  # connected, nothing asked yet; the oldest first

    async def serve(self, listener: socket.socket) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                wait = self._bucket.wait(self._clock.monotonic())
                if wait > 0.0:
                    self._once.say(
                        logging.WARNING, f"{self._name}: too many connections at once; new ones have to wait"
                    )
                    await asyncio.sleep(wait)
                    continue
                await self._make_room()
                try:
                    await _readable(listener)
                    connection, address = listener.accept()
                except BlockingIOError:
                    continue
                except OSError as error:  # no descriptor left, or gone before it was taken
                    log.debug("accept: %s", error)
                    await asyncio.sleep(0.1)
                    continue
                connection.setblocking(False)
                self._bucket.take()
                task = loop.create_task(self._serve_one(connection, _plain(address[0])))
                self._tasks.add(task)
                self._silent[task] = None
                self._bare[task] = connection
                task.add_done_callback(self._ended)
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0.05)  # what was aborted is closed by the loop

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._silent.pop(task, None)
        bare = self._bare.pop(task, None)
        if bare is not None:
            bare.close()
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: a request failed", self._name, exc_info=task.exception())

    async def _make_room(self) -> None:
        """When there are too many, whoever has been silent for longest goes."""
        while len(self._tasks) >= self._most:
            oldest = next(iter(self._silent), None)
            if oldest is not None:
                self._silent.pop(oldest)
                oldest.cancel()
            await asyncio.wait(self._tasks, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)

    async def _serve_one(self, connection: socket.socket, peer: str) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=connection, limit=MAX_HEAD)
        except OSError:
            return
        self._bare.pop(asyncio.current_task(), None)  # type: ignore[arg-type]
        writer.transport.set_write_buffer_limits(high=_BUFFER)
        try:
            await self._converse(reader, writer, peer)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), PATIENCE_S)
        except (OSError, asyncio.TimeoutError, TimeoutError):
            pass  # gone, or it does not take what we send
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        try:
            request = await read_request(reader, peer)
            if request is None:
                return
            self._silent.pop(asyncio.current_task(), None)  # type: ignore[arg-type]
            answer, more = await self._handle(request)
        except Refused as refused:
            self._once.say(logging.WARNING, f"{self._name}: refused a request from {peer}: {refused}")
            answer = Answer(f"{refused}\n".encode(), status=refused.status, headers=refused.headers)
            await send(writer, answer.head(), answer.body)
            await hang_up(reader, writer)
            return
        except (OSError, asyncio.TimeoutError, TimeoutError):
            raise
        except Exception:
            log.exception("%s: failed to answer %s", self._name, peer)
            answer, more = Answer(b"unexpected error\n", status=HTTPStatus.INTERNAL_SERVER_ERROR), None
        await send(writer, answer.head(), answer.body)
        if more is not None:
            await self._stream(reader, writer, more)

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, more: AsyncGenerator[bytes, None]
    ) -> None:
        """Until there is no more, or the other side hangs up, which is noticed at once."""

        async def pump() -> None:
            async with contextlib.aclosing(more) as parts:
                async for part in parts:
                    await send(writer, part)

        both = [asyncio.ensure_future(pump()), asyncio.ensure_future(reader.read(1))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _readable(listener: socket.socket) -> None:
    """Until a connection waits. (`loop.sock_accept`, cancelled at the wrong moment, leaks the connection.)"""
    loop = asyncio.get_running_loop()
    waiting = asyncio.Event()
    loop.add_reader(listener, waiting.set)
    try:
        await waiting.wait()
    finally:
        loop.remove_reader(listener)


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; OSError when that cannot be had."""
    six = ipaddress.ip_address(address).version == 6
    family = socket.AF_INET6 if six else socket.AF_INET
    dual = address == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server((address, port), family=family, backlog=64, dualstack_ipv6=dual)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)  # connections inherit it
    listener.setblocking(False)
    return listener


def _plain(address: str) -> str:
    """An IPv4 address also when it comes over a socket for both."""
    return address.removeprefix("::ffff:")
