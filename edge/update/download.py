"""A file of a job, from any server with https, within bounds of size and time."""

from __future__ import annotations

import hashlib
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

from edge.errors import UpdateError

CHUNK = 65_536


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, part: bytes, /) -> Any: ...


def download(
    url: str,
    into: Sink,
    *,
    most: int,
    deadline: float,
    context: ssl.SSLContext | None,
    monotonic: Callable[[], float] = time.monotonic,
) -> str:
    """The sha256 of what lies there; UpdateError if it cannot be had, not by `deadline`, or is larger than `most`."""
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _OnlyHttps())
    digest, size = hashlib.sha256(), 0
    try:
        with opener.open(url, timeout=30.0) as answer:
            while part := answer.read(CHUNK):
                size += len(part)
                if size > most:
                    raise UpdateError(f"{url}: is larger than {most / 1e6:.0f} MB")
                if monotonic() > deadline:
                    raise UpdateError(f"{url}: was not there within the job's time")
                into.write(part)
                digest.update(part)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UpdateError(f"{url}: cannot be fetched: {getattr(error, 'reason', None) or error}") from None
    return digest.hexdigest()


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> Any:
        if not str(given[-1]).startswith("https://"):
            raise urllib.error.URLError("it is redirected to a place without https")
        return super().redirect_request(*given)
