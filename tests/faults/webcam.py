"""A network camera (MJPEG over HTTP on loopback) that misbehaves on cue."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import threading
import time
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np

from tests.helpers.stage import HEIGHT, Person, picture

Mode = Literal["well", "stalled", "frozen", "black", "garbage", "small", "large", "speck"]
SIZES = {"small": (160, 120), "large": (1280, 960), "speck": (8, 8)}
EVERY_S = 0.08


@cache
def _pictures(size: tuple[int, int] | None) -> list[bytes]:
    """Somebody who sways, as JPEG."""
    found = []
    for number in range(24):
        image = picture([Person(320 + 40 * np.sin(number / 4), HEIGHT / 2)], seed=number)
        if size:
            image = np.asarray(cv2.resize(image, size), np.uint8)
        found.append(cv2.imencode(".jpg", image)[1].tobytes())
    return found


class Webcam:
    """`mode` may change at any time; `vanish` and `return_` are the plug."""

    def __init__(self) -> None:
        self.mode: Mode = "well"
        self.streams = 0  # that were asked for since the start
        self._gone = False
        self._server: http.server.ThreadingHTTPServer | None = None
        self._port = 0
        self.return_()
        self.url = f"http://127.0.0.1:{self._port}/stream.mjpg"

    def vanish(self) -> None:
        """Nobody answers any more, and streams end."""
        self._gone = True
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def return_(self) -> None:
        cam = self
        self._gone = False

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

            def do_GET(self) -> None:
                with contextlib.suppress(OSError):
                    cam._stream(self)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _stream(self, to: http.server.BaseHTTPRequestHandler) -> None:
        self.streams += 1
        to.send_response(200)
        to.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        to.end_headers()
        for number in itertools.count():
            time.sleep(EVERY_S)
            if self._gone:
                return
            if self.mode == "stalled":
                continue
            body = self._picture(number)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
            to.wfile.write(head.encode() + body + b"\r\n")

    def _picture(self, number: int) -> bytes:
        pictures = _pictures(SIZES.get(self.mode))
        if self.mode == "frozen":
            return pictures[0]
        if self.mode == "black":
            return _black()
        body = pictures[number % len(pictures)]
        return body[:100] + bytes(reversed(body[100:])) if self.mode == "garbage" else body


@cache
def _black() -> bytes:
    return cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
