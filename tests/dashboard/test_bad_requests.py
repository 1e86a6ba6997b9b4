"""What a browser, or what pretends to be one, may send: refused in words, logged once, and the page goes on."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import time

import pytest

from edge.web import exchange, server
from tests.dashboard.web import Serve, Web

METHODS = (b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"TRACE", b"get")


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def still_there(web: Web) -> bool:
    return web.get("/page.css").status == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS
        (b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/2\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\nSet-Cookie: b\r\n\r\n", 400),
        (b"POST /privacy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 411),
        (b"POST /privacy HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nabc", 411),
        (b"POST /privacy HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /privacy HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 100_000, 413),
        *((method + b" / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405) for method in METHODS),
        (b"GET /privacy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 421),
    ],
)  # fmt: skip
def test_what_is_no_proper_request_is_refused(serve: Serve, request_: bytes, status: int) -> None:
    _, web = serve()
    answer = web.raw(request_)
    assert status_of(answer) == status, answer[:300]
    assert b"Set-Cookie" not in answer
    assert still_there(web)


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/static/page.css", "/..%2fobserver.py",
     "/./page.css", "/page.css/", "/index.html%00.css", "/dashboard-password", "/%", "/site.py"],
)  # fmt: skip
def test_no_path_leads_out_of_the_page(serve: Serve, path: str) -> None:
    _, web = serve()
    answer = web.raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert status_of(answer) == 404
    assert b"root:" not in answer
    assert b"import" not in answer


def test_random_bytes_hundreds_of_times(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_BURST", 5_000)
    _, web = serve()
    chance = random.Random(1)
    seeds = [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b'POST /privacy HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{"on"',
    ]
    with caplog.at_level(logging.WARNING):
        for _ in range(400):
            raw = bytearray(chance.choice(seeds))
            for _ in range(chance.randint(1, 6)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            with socket.create_connection(("127.0.0.1", web.port), timeout=5) as line:
                line.sendall(raw)
                line.shutdown(socket.SHUT_WR)
                line.recv(100)
    assert still_there(web)
    assert not [record for record in caplog.records if record.exc_info], "an unexpected fault"


def test_a_refusal_is_logged_once(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    _, web = serve()
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            assert web.get("/none").status == 404
    assert len([record for record in caplog.records if "refused a request" in record.message]) == 1


def test_every_answer_forbids_what_the_page_does_not_need(serve: Serve) -> None:
    _, web = serve()
    for path in ("/", "/page.css", "/main.js", "/none"):
        headers = web.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_slow_senders_are_let_go_and_do_not_keep_others_waiting(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE_S", 1.5)
    _, web = serve()
    slow = [socket.create_connection(("127.0.0.1", web.port), timeout=10) for _ in range(60)]
    try:
        for line in slow[:30]:
            line.sendall(b"GET / HTTP/1.1\r\nHo")
        began = time.monotonic()
        assert still_there(web)  # although there are more of them than may be connected
        assert time.monotonic() - began < 5
        for _ in range(8):  # one byte at a time gains nothing: the wait is for the whole
            time.sleep(0.25)
            for line in slow[-5:]:
                with contextlib.suppress(OSError):
                    line.sendall(b"x")
        for line in slow:
            line.settimeout(5)
            try:
                while line.recv(1_000):
                    pass
            except ConnectionResetError:
                pass
    finally:
        for line in slow:
            line.close()
    assert still_there(web)
