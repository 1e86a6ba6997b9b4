"""The listener for a Wyoming satellite: what the protocol's own library sends comes as words, and privacy forgets."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator

import pytest

from edge.device.clock import SystemClock
from edge.messages.commands import MAX_CHARACTERS, Command, Words
from edge.service.transcripts import TranscriptListener
from tests.helpers.broker import wait_for
from tests.helpers.wyoming import event


@pytest.fixture
def taken() -> list[Command]:
    return []


@pytest.fixture
def listener(taken: list[Command]) -> Iterator[TranscriptListener]:
    one = TranscriptListener("wyoming://127.0.0.1:0", taken.append, SystemClock())
    one.start()
    wait_for(lambda: one.port, 5, "it to listen")
    yield one
    one.stop()


def connected(listener: TranscriptListener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", listener.port), timeout=5)


def words(taken: list[Command]) -> list[str]:
    assert all(command.kind == "text" and command.local for command in taken)
    return [command.value.content for command in taken if isinstance(command.value, Words)]


def test_what_the_protocols_own_library_sends_comes_as_words(
    listener: TranscriptListener, taken: list[Command]
) -> None:
    asr, client = pytest.importorskip("wyoming.asr"), pytest.importorskip("wyoming.client")
    satellite = pytest.importorskip("wyoming.satellite")

    async def forward() -> None:
        """As a satellite forwards to its --event-uri."""
        async with client.AsyncTcpClient("127.0.0.1", listener.port) as connection:
            for one in (
                satellite.RunSatellite(),
                asr.Transcript(text="We shall überleben!"),
                satellite.PauseSatellite(),
            ):
                await connection.write_event(one.event())
            await connection.write_event(asr.Transcript(text="And be happy.").event())

    asyncio.run(forward())
    wait_for(lambda: len(taken) == 2, 5, "both")
    assert words(taken) == ["We shall überleben!", "And be happy."]


def test_nothing_empty_and_nothing_too_long_is_taken(listener: TranscriptListener, taken: list[Command]) -> None:
    with connected(listener) as one:
        for text in (" ", "x" * (MAX_CHARACTERS + 1), "x" * MAX_CHARACTERS):
            one.sendall(event("transcript", {"text": text}))
        wait_for(lambda: taken, 5, "the one that fits")
    assert [len(text) for text in words(taken)] == [MAX_CHARACTERS]


def test_another_protocol_is_hung_up_on_and_not_repeated(
    listener: TranscriptListener, taken: list[Command], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), connected(listener) as one:
        one.sendall(b"GET /quince HTTP/1.1\r\n\r\n")
        assert one.recv(10) == b""
        with connected(listener) as another:
            another.sendall(event("transcript", {"text": "still here"}))
            wait_for(lambda: taken, 5, "the next client")
    assert "hung up" in caplog.text
    assert "quince" not in caplog.text
    assert "still here" not in caplog.text


def test_privacy_forgets_half_a_sentence(listener: TranscriptListener, taken: list[Command]) -> None:
    whole = event("transcript", {"text": "before, and after"})
    with connected(listener) as one, connected(listener) as idle:
        one.sendall(whole[:-8])
        wait_for(lambda: listener.connections == 2, 5, "both to be connected")
        listener.notify("privacy", "ON", None)
        assert one.recv(10) == b""  # hung up
        listener.notify("privacy", "OFF", None)
        idle.sendall(event("transcript", {"text": "anew"}))
        wait_for(lambda: taken, 5, "the new one")
    assert words(taken) == ["anew"]


def test_no_more_than_a_few_are_connected(listener: TranscriptListener) -> None:
    several = [connected(listener) for _ in range(5)]
    try:
        assert several[-1].recv(10) == b""
        assert listener.connections == 4
    finally:
        for one in several:
            one.close()
    wait_for(lambda: listener.connections == 0, 5, "all to be gone")


def test_a_port_that_is_taken_is_said_and_tried_again(taken: list[Command], caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        second = TranscriptListener(f"wyoming://127.0.0.1:{port}", taken.append, SystemClock())
        second.start()
        wait_for(lambda: f"cannot listen on port {port}" in caplog.text, 5, "the line in the log")
        assert "text.source" in caplog.text
    wait_for(lambda: second.port == port, 5, "it to listen")
    second.stop()
