"""The messages of a service elsewhere, as an asynchronous iterator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from functools import partial

from edge.api.answers import Message
from edge.config.schema import MqttConfig
from edge.mqtt.session import Incoming, connect
from edge.mqtt.subscriber import decoded

_WAITING = 1_000  # messages; when nobody takes them the oldest are dropped


async def subscribe(
    host: str,
    device: str = "+",
    *,
    port: int | None = None,
    username: str = "",
    password: str | None = None,
    tls: bool = False,
    ca_file: str = "",
    base: str = "emotion",
) -> AsyncGenerator[Message, None]:
    """Every message of a device, or of all ("+"), as it comes: readings, states, events, health and the rest.

    BrokerError (an EdgeError) with one line says why the broker cannot be had. A connection that is lost later comes
    back by itself. Leaving the loop disconnects, at once with `contextlib.aclosing`.

        async for message in subscribe("broker.local", "living-room"):
            if message.topic == "state":
                print(message.payload.label, message.payload.confidence)
    """
    settings = MqttConfig(
        host=host, port=port, base=base, username=username, tls=tls or bool(ca_file), ca_file=ca_file, keepalive_s=30
    )
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[Message] = asyncio.Queue(_WAITING)

    def take(incoming: Incoming) -> None:
        """In the connection's thread."""
        message = read(incoming, base)
        if message is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, nobody listens any more
                loop.call_soon_threadsafe(_put, waiting, message)

    connection = connect(settings, password, reconnect=True, on_message=take)
    session = await asyncio.to_thread(connection.__enter__)
    try:
        await asyncio.to_thread(session.subscribe, f"{base}/{device}/#")
        while True:
            yield await waiting.get()
    finally:
        await asyncio.shield(asyncio.to_thread(partial(connection.__exit__, None, None, None)))


def read(incoming: Incoming, base: str) -> Message | None:
    """The message as its type; None for what our service does not send."""
    device, _, topic = incoming.topic.removeprefix(f"{base}/").partition("/")
    payload = decoded(topic, incoming)
    return None if payload is None else Message(topic, payload, device)


def _put(waiting: asyncio.Queue[Message], message: Message) -> None:
    if waiting.full():
        waiting.get_nowait()
    waiting.put_nowait(message)
