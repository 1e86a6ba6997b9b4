"""The stream to those who look: bounded in number and in what waits, told what happens, ended when it must."""

from __future__ import annotations

import socket
import time

import pytest

from edge.dashboard import live
from edge.dashboard.history import History
from edge.dashboard.password import file_in, store
from tests.dashboard.web import PASSWORD, Serve
from tests.helpers.broker import wait_for
from tests.helpers.told import reading, state

QUIET = {"beat", "broker", "aim", "service"}  # what may come though nothing happens


def test_first_everything_and_then_what_happens(serve: Serve) -> None:
    dashboard, web = serve()
    dashboard.notify("state", state("happy", 3.0), None)
    with web.live() as told:
        name, first = next(told)
        assert name == "snapshot"
        assert first["state"]["label"] == "happy"
        assert first["config"]["decision.enter"] == 0.42
        assert first["broker"]["state"] == "connected"
        assert first["signed_in"] is first["can_aim"] is False
        dashboard.notify("reading", reading("sad"), None)
        dashboard.notify("privacy", "ON", None)
        heard = [next(told) for _ in range(2)]
    assert [name for name, _ in heard] == ["reading", "privacy"]
    assert len(heard[0][1]["smoothed"]) == 7
    assert abs(heard[0][1]["at"] - first["now"]) < 5


def test_so_many_and_no_more(serve: Serve) -> None:
    _, web = serve()
    streams = [web.live() for _ in range(live.MOST)]
    for stream in streams:
        assert next(stream.__enter__())[0] == "snapshot"
    assert web.get("/live").status == 503
    streams.pop().__exit__(None, None, None)
    wait_for(lambda: _free(web), 20, "room for one more")
    for stream in streams:
        stream.__exit__(None, None, None)


def _free(web: object) -> bool:
    try:
        web.snapshot()  # type: ignore[attr-defined]
    except AssertionError:
        return False
    return True


def test_who_does_not_listen_is_let_go_and_nobody_else_notices(serve: Serve) -> None:
    dashboard, web = serve()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.connect(("127.0.0.1", web.port))
    deaf.sendall(f"GET /live HTTP/1.1\r\nHost: {web.host}\r\n\r\n".encode())
    with web.live(40) as told:
        assert next(told)[0] == "snapshot"
        sent = 0
        for _ in range(150):
            for _ in range(40):
                dashboard.notify("reading", reading(), None)
                sent += 1
            heard = 0
            while heard < 40:  # every one of them, in time
                heard += next(told)[0] == "reading"
    assert len(dashboard._viewers) <= 1
    deaf.settimeout(10)
    got = 0
    try:
        while chunk := deaf.recv(65_536):
            got += len(chunk)
    except ConnectionResetError:
        pass
    deaf.close()
    assert got < sent * 300, "the deaf one did not get all of it"


def test_a_stream_ends_with_its_session(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(live, "_CHECK_S", 0.2)
    monkeypatch.setattr(live, "BEAT_S", 0.3)
    _, web = serve(password=PASSWORD)
    web.sign_in(PASSWORD)
    web.snapshot()
    with web.live() as told:
        next(told)
        assert next(told)[0] in QUIET
        assert web.post("/logout", {}).status == 200
        assert {name for name, _ in told} <= QUIET
    web.sign_in(PASSWORD)
    with web.live() as told:
        next(told)
        store(file_in(tmp_path), "a newer password")  # type: ignore[arg-type]
        assert {name for name, _ in told} <= QUIET


def test_hearing_takes_no_time_and_cannot_pile_up(serve: Serve) -> None:
    """The decision loop calls it."""
    dashboard, _ = serve()
    message = reading()
    began = time.perf_counter()
    for _ in range(20_000):
        dashboard.notify("reading", message, None)
    assert (time.perf_counter() - began) / 20_000 < 0.001
    assert len(dashboard._waiting) <= 2_000
    wait_for(lambda: not dashboard._waiting, 10, "the page to have heard all")
    assert isinstance(dashboard.history, History)


def test_it_comes_back_when_the_port_becomes_free(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.web import thread

    monkeypatch.setattr(thread, "AGAIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        from pathlib import Path

        from tests.dashboard.web import Web
        from tests.helpers.page import page

        with page(Path("/nonexistent"), port):
            time.sleep(0.6)
            other.close()
            web = Web(port)
            wait_for(lambda: _answers(web), 10, "the page")


def _answers(web: object) -> bool:
    try:
        return bool(web.get("/page.css").status == 200)  # type: ignore[attr-defined]
    except OSError:
        return False
