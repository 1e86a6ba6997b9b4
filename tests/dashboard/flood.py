"""Floods the page for some seconds: `flood.py PORT SECONDS`. Loopback only, a few dozen connections at a time."""

from __future__ import annotations

import contextlib
import socket
import sys
import time

ORIGIN = "http://127.0.0.1"


def flood(port: int, seconds: float) -> int:
    """Requests of every kind as fast as the other side takes them; returns how many were sent."""
    body = b'{"values": {"decision.enter": 0.5}}'
    requests = [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /thresholds/try HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nContent-Type: "
        b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (port, port, len(body), body),
        b"GET /" + b"x" * 4_000 + b"\r\n\r\n",
        b"\0" * 3_000,
    ]
    held: list[socket.socket] = []
    sent = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            line = socket.create_connection(("127.0.0.1", port), timeout=0.3)
            held.append(line)
            line.sendall(requests[sent % len(requests)])
            sent += 1
        while len(held) > 60:
            held.pop(0).close()
    for line in held:
        line.close()
    return sent


if __name__ == "__main__":
    flood(int(sys.argv[1]), float(sys.argv[2]))
