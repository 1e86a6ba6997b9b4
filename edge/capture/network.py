"""Addresses of network cameras, and how to end a connection that FFmpeg waits on."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935}


def without_password(url: str) -> str:
    """`url` as it may be shown: neither user and password nor the query, which often holds a key."""
    return re.sub(r"\?.*", "", re.sub(r"//[^/]*@", "//", url))


def hang_up(url: str) -> None:
    """Shut this process's TCP connections to the host and port of `url`, so that whoever reads them gives up.

    FFmpeg cannot be interrupted from outside, and a camera that stalls would hold up the privacy switch.
    """
    peer = _peer(url)
    if peer is None:
        return
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if not str(link.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(link.name))) as copy:
                if copy.family in {socket.AF_INET, socket.AF_INET6} and copy.getpeername()[:2] == peer:
                    copy.shutdown(socket.SHUT_RDWR)


def _peer(url: str) -> tuple[str, int] | None:
    """Address and port as the kernel knows them."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return None
    return str(found[0][4][0]), int(found[0][4][1])
