"""A browser's side of the conversation, without a browser."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from edge.dashboard.observer import DashboardObserver
from tests.helpers.broker import wait_for

PASSWORD = "correct horse battery"  # noqa: S105


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Web:
    """Remembers its cookie and its token."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.cookie = ""
        self.token = ""

    def wait(self) -> None:
        def there() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for(there, 60, "the page to be served")

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Got:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        own = {"Host": self.host, **({"Cookie": self.cookie} if self.cookie else {})}
        try:
            connection.request(method, path, body or None, {**own, **(headers or {})})
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, content: object, headers: Mapping[str, str] | None = None) -> Got:
        """As the page does it."""
        own = {
            "Origin": f"http://{self.host}",
            "Content-Type": "application/json",
            "X-CSRF-Token": self.token,
        }
        return self.ask("POST", path, json.dumps(content).encode(), {**own, **(headers or {})})

    def sign_in(self, password: str, headers: Mapping[str, str] | None = None) -> Got:
        own = {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        got = self.ask("POST", "/login", urlencode({"password": password}).encode(), {**own, **(headers or {})})
        if "set-cookie" in got.headers:
            self.cookie = got.headers["set-cookie"].partition(";")[0]
        return got

    def snapshot(self) -> dict[str, Any]:
        """What somebody who begins to look is told; the token is kept."""
        with self.live() as told:
            name, content = next(told)
        assert name == "snapshot"
        self.token = content["token"]
        return content

    @contextmanager
    def live(self, seconds: float = 20.0) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
        """The stream, as (name, content)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
            line.sendall(f"GET /live HTTP/1.1\r\nHost: {self.host}\r\n{cookie}\r\n".encode())
            yield _events(line, time.monotonic() + seconds)

    def raw(self, request: bytes, seconds: float = 15.0) -> bytes:
        """Whatever comes back for these bytes, until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            got = b""
            try:
                line.sendall(request)
                while chunk := line.recv(65_536):
                    got += chunk
            except (ConnectionResetError, BrokenPipeError):
                pass
            return got


def _events(line: socket.socket, end: float) -> Iterator[tuple[str, dict[str, Any]]]:
    buffer = b""
    while time.monotonic() < end:
        while b"\n\n" in buffer:
            block, _, buffer = buffer.partition(b"\n\n")
            fields = dict(part.split(b": ", 1) for part in block.split(b"\n") if b": " in part)
            if b"event" in fields:
                yield fields[b"event"].decode(), json.loads(fields[b"data"])
        chunk = line.recv(65_536)
        if not chunk:
            return
        if not buffer and chunk.startswith(b"HTTP/1.1 "):
            assert chunk.startswith(b"HTTP/1.1 200 "), chunk
            chunk = chunk.partition(b"\r\n\r\n")[2]
        buffer += chunk
    raise AssertionError("nothing more came in time")


Serve = Callable[..., tuple[DashboardObserver, Web]]  # the fixture `serve`
