"""A web server for one page, on loopback: few threads, short patience, no foreign names."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from edge.metrics.text import CONTENT_TYPE

log = logging.getLogger(__name__)

MOST = 4  # requests at a time; whoever comes then is hung up on
IDLE_S = 5.0
LIFE_S = 10.0  # of a connection, whatever it does
_NAMES = {"localhost", "127.0.0.1", "[::1]"}


class MetricsServer(HTTPServer):
    """OSError if the port cannot be had. `page` is called in a thread of the server."""

    request_queue_size = 16
    timeout = 0.2  # of one turn

    def __init__(self, address: str, port: int, page: Callable[[], str]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.page = page
        self._lock = threading.Lock()
        self._open: dict[Any, float] = {}  # sockets, and when they came
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own asks a name server who we are
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= MOST:
                self.shutdown_request(request)
                return
            self._open[request] = time.monotonic()
        request.settimeout(IDLE_S)
        threading.Thread(
            target=self._serve, args=(request, client_address), name="metrics-request", daemon=True
        ).start()  # fmt: skip

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # gone, or too slow
        except Exception:  # whoever asks must not end the thread with a traceback on the terminal
            log.exception("a scrape failed")
        finally:
            with self._lock:
                del self._open[request]
                self.shutdown_request(request)

    def turn(self) -> None:
        """Wait a moment for a request; whoever dawdles is hung up on."""
        self.handle_request()
        self._hang_up(time.monotonic() - LIFE_S)

    def server_close(self) -> None:
        super().server_close()
        self._hang_up(time.monotonic())

    def _hang_up(self, before: float) -> None:
        with self._lock:
            for request, since in self._open.items():
                if since <= before:
                    with contextlib.suppress(OSError):
                        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    server_version = "emotion-edge"
    sys_version = ""

    def do_GET(self) -> None:
        host = self.headers.get("Host", "")
        if host.removesuffix(f":{self.server.server_port}").lower() not in _NAMES:
            self._answer(421, "this is not the name of this page; a foreign one may have been made to point here\n")
        elif self.path.partition("?")[0] == "/metrics":
            self._answer(200, self.server.page(), CONTENT_TYPE)
        else:
            self._answer(404, "there is /metrics\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Whoever asks every few seconds is not worth a line."""
