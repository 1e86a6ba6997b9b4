"""The web server's thread as whoever watches over it sees it."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import closing

import pytest

from edge.device.clock import SystemClock
from edge.web import thread
from edge.web.exchange import Answer, Request
from edge.web.thread import WebThread
from tests.helpers.broker import free_port, wait_for


async def answer(request: Request) -> tuple[Answer, AsyncGenerator[bytes, None] | None]:
    return Answer(request.path.encode()), None


async def broken() -> None:
    raise RuntimeError("for this test")


def get(port: int, path: str) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read()


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_a_beat(web: WebThread) -> None:
    before = web.heartbeat
    wait_for(lambda: web.heartbeat > before, 5, "a heartbeat")


def test_it_beats_while_it_turns_and_can_be_started_again() -> None:
    port = free_port()
    web = WebThread("metrics", "127.0.0.1", port, answer, most=4, clock=SystemClock())
    assert not web.alive
    for _ in range(2):
        web.start()
        wait_for(lambda: listening(port), 5, "the port")
        assert web.alive
        assert not web.stopping
        assert get(port, "/x") == b"/x"
        wait_for_a_beat(web)
        web.stop()
        assert web.join(2.0)
        assert web.stopping
        assert not web.alive
        assert not listening(port)


def test_a_loop_that_hangs_stops_beating() -> None:
    web = WebThread("metrics", "127.0.0.1", free_port(), answer, most=4, clock=SystemClock())
    web.start()
    hung, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        hung.set()
        go_on.wait(20)

    web.call(hang)
    assert hung.wait(5)
    before = web.heartbeat
    go_on.wait(1.5)
    assert web.heartbeat == before
    assert web.alive
    go_on.set()
    wait_for_a_beat(web)
    web.stop()
    assert web.join(2.0)


def test_one_that_died_is_seen_to_be_dead_and_starts_anew(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    web = WebThread("dashboard", "127.0.0.1", port, answer, most=4, clock=SystemClock(), beside=broken)
    with caplog.at_level(logging.ERROR):
        web.start()
        wait_for(lambda: not web.alive, 5, "its end")
    assert not web.stopping, "nobody asked for it"
    assert not listening(port), "it leaves nothing behind"
    assert "dashboard failed" in caplog.text
    web.call(lambda: None)  # reaches nobody, harms nobody
    web._beside = None
    web.start()
    wait_for(lambda: listening(port), 5, "the port")
    assert get(port, "/") == b"/"
    web.stop()
    assert web.join(2.0)


def test_while_the_port_is_taken_it_is_alive_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "AGAIN_S", 30.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web = WebThread("metrics", "127.0.0.1", taken.getsockname()[1], answer, most=4, clock=SystemClock())
        web.start()
        wait_for_a_beat(web)
        assert web.alive
        web.stop()
        assert web.join(2.0), "it does not wait for the port to stop"
