from __future__ import annotations

import asyncio
from contextlib import aclosing

import msgspec
import pytest

from edge import EdgeError, Message, subscribe
from edge.api.subscription import read
from edge.messages.payloads import StatePayload
from edge.mqtt.session import Incoming
from tests.helpers.broker import Broker, free_port, observing
from tests.helpers.told import state

STATE = msgspec.json.encode(state("happy"))


def test_a_message_comes_as_its_type() -> None:
    message = read(Incoming("emotion/hall/state", STATE), "emotion")
    assert message is not None
    assert (message.topic, message.device) == ("state", "hall")
    assert isinstance(message.payload, StatePayload)
    assert message.payload.label == "happy"
    assert read(Incoming("emotion/hall/availability", b"online"), "emotion") == Message(
        "availability", "online", "hall"
    )


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("state", b"{broken"), ("state", b"[" * 9_000), ("privacy/set", b"ON"), ("availability", b"\xff"), ("lamp", b"1")],
)
def test_what_our_service_does_not_send_is_left_out(topic: str, payload: bytes) -> None:
    assert read(Incoming(f"emotion/hall/{topic}", payload), "emotion") is None


def test_readings_of_a_broker_as_they_come(broker: Broker) -> None:
    async def first() -> list[Message]:
        told: list[Message] = []
        async with aclosing(subscribe("127.0.0.1", port=broker.port)) as messages:
            async for message in messages:
                told.append(message)
                if len(told) == 1:  # retained, so we are subscribed
                    with observing(broker.port) as other:
                        await asyncio.to_thread(other.send, "emotion/hall/state", STATE)
                if message.topic == "state":
                    return told
        return told

    with observing(broker.port) as before:
        before.send("emotion/hall/availability", "online", retain=True)
        told = asyncio.run(asyncio.wait_for(first(), 20))
    assert [message.topic for message in told] == ["availability", "state"]


def test_a_broker_that_is_not_there_is_told_in_one_line() -> None:
    async def first() -> None:
        async for _ in subscribe("127.0.0.1", port=free_port()):
            pass

    with pytest.raises(EdgeError, match="nothing is listening"):
        asyncio.run(first())
