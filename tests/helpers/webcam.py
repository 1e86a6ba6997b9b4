"""A network camera of the test's own: MJPEG over HTTP on loopback."""

from __future__ import annotations

import http.server
import threading
import time
from typing import Any

import cv2
import numpy as np


class WebCam:
    """Serves pictures that differ at 20 a second, until told to `freeze`, `stall` or `end`."""

    def __init__(self) -> None:
        self.mode = "move"
        self.light = 1.0
        self.connections = 0
        cam = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

            def do_GET(self) -> None:
                cam.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                try:
                    while cam.mode != "end":
                        number += cam.mode == "move"
                        picture = np.full((480, 640, 3), cam.light * (40 + number % 150), dtype=np.uint8)
                        body = cv2.imencode(".jpg", picture)[1].tobytes()
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                        self.wfile.write(head.encode() + body + b"\r\n")
                        while cam.mode == "stall":
                            time.sleep(0.02)
                        time.sleep(0.05)
                except OSError:
                    return  # the other side has had enough
                finally:
                    cam.connections -= 1

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://user:secret@127.0.0.1:{self._server.server_port}/stream.mjpg"

    def stop(self) -> None:
        self.mode = "end"
        self._server.shutdown()
        self._server.server_close()
