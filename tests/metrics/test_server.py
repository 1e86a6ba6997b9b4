"""The web server of the metrics: who is answered, and what it costs to be a nuisance."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.config.schema import MetricsConfig as Settings
from edge.device.clock import SystemClock
from edge.messages.status import BrokerStatus
from edge.metrics.observer import MetricsObserver
from edge.web import exchange, thread
from tests.helpers.broker import free_port, wait_for


@pytest.fixture
def metrics() -> Iterator[tuple[MetricsObserver, int]]:
    port = free_port()
    one = MetricsObserver(Settings(enabled=True, port=port), BrokerStatus, SystemClock())
    one.start()
    wait_for(lambda: listening(port), 5, "the port")
    yield one, port
    one.stop()


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str = "/metrics", host: str | None = None, method: str = "GET") -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request(method, path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_it_answers(metrics: tuple[MetricsObserver, int]) -> None:
    one, port = metrics
    one.notify("privacy", "OFF", None)
    status, text = ask(port)
    assert status == 200
    assert "\nemotion_edge_privacy 0\n" in text
    assert ask(port, "/metrics?x=1")[0] == 200
    assert ask(port, "/")[0] == 404
    assert ask(port, method="HEAD")[0] == 405
    assert ask(port, method="PUT")[0] == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:{port}", 200), ("127.0.0.1:{port}", 200), ("[::1]:{port}", 200),
        ("evil.example", 421), ("localhost.evil.example:{port}", 421), ("127.0.0.1.evil.example", 421), ("", 421),
    ],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_gets_nothing(
    metrics: tuple[MetricsObserver, int], host: str, status: int
) -> None:
    port = metrics[1]
    assert ask(port, host=host.format(port=port))[0] == status


def test_it_is_there_for_this_device_alone(metrics: tuple[MetricsObserver, int]) -> None:
    port = metrics[1]
    with socket.socket() as probe:  # any other address of loopback stands for one of the network
        assert probe.connect_ex(("127.0.0.2", port)) != 0


def test_whoever_dawdles_or_floods_does_not_stop_it(
    metrics: tuple[MetricsObserver, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = metrics[1]
    monkeypatch.setattr(exchange, "PATIENCE_S", 1.0)
    before = threading.active_count()
    slow = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(50)]
    for each in slow:
        each.sendall(b"GET /metr")
    assert threading.active_count() <= before
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if ask(port)[0] == 200:
                break
        except OSError:
            time.sleep(0.1)
    else:
        pytest.fail("nobody was answered any more")
    for each in slow:
        each.close()
    for junk in (b"\0" * 70_000, b"GET " + b"a" * 100_000, b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as each:
            try:
                each.sendall(junk)
                each.recv(1000)
            except OSError:
                pass
    wait_for(lambda: threading.active_count() <= before, 5, "the threads to end")
    assert ask(port)[0] == 200


def test_a_taken_port_is_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(thread, "AGAIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken, caplog.at_level(logging.INFO):
        port = taken.getsockname()[1]
        one = MetricsObserver(Settings(enabled=True, port=port), BrokerStatus, SystemClock())
        one.start()
        time.sleep(0.5)
    try:
        wait_for(lambda: listening(port) and ask(port)[0] == 200, 5, "the port to be used")
    finally:
        one.stop()
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "metrics.port" in errors[0]


def test_it_stops_at_once_even_with_somebody_on_the_line(metrics: tuple[MetricsObserver, int]) -> None:
    one, port = metrics
    with socket.create_connection(("127.0.0.1", port)) as lazy:
        lazy.sendall(b"GET")
        began = time.monotonic()
        one.stop()
        assert time.monotonic() - began < 1.5
    assert not listening(port)
