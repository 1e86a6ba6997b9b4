"""The Wyoming protocol as far as transcripts go: events in, words out, nothing else is kept. No input or output here.

An event is a line of JSON, then as many bytes of further data and of payload as it says. Of all events a satellite
forwards (detections, timers, what is spoken) only `transcript` is looked at; a payload is counted and thrown away.
"""

from __future__ import annotations

from typing import Any

import msgspec

MAX_HEADER = 16_000  # bytes of a line, and of the data behind it
_MAX_PAYLOAD = 1_000_000


class _Header(msgspec.Struct, frozen=True):
    type: str
    data: dict[str, Any] | None = None
    data_length: int | None = None
    payload_length: int | None = None


class Events:
    """What one connection has sent so far and is not complete yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._header: _Header | None = None
        self._passed_over = 0  # bytes of a payload still to come

    @property
    def halfway(self) -> bool:
        """Whether an event has begun to come that may hold words."""
        return bool(self._bytes) or self._header is not None

    def feed(self, received: bytes) -> list[str]:
        """The transcripts complete with these bytes. ValueError, which repeats nothing, for another protocol."""
        self._bytes += received
        found: list[str] = []
        while True:
            gone = min(self._passed_over, len(self._bytes))
            del self._bytes[:gone]
            self._passed_over -= gone
            if self._header is None:
                self._header = self._next_header()
            if self._header is None or len(self._bytes) < (self._header.data_length or 0):
                return found
            found += self._words(self._header)
            self._header = None

    def _next_header(self) -> _Header | None:
        """None while there is no whole line."""
        if self._passed_over:
            return None
        end = self._bytes.find(b"\n")
        if max(end, 0 if end >= 0 else len(self._bytes)) > MAX_HEADER:
            raise ValueError("a line that is too long")
        if end < 0:
            return None
        line = bytes(self._bytes[:end])
        del self._bytes[: end + 1]
        try:
            header = msgspec.json.decode(line, type=_Header)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            raise ValueError("a line that is no event") from None
        if not (0 <= (header.data_length or 0) <= MAX_HEADER and 0 <= (header.payload_length or 0) <= _MAX_PAYLOAD):
            raise ValueError("an event that is too large")
        return header

    def _words(self, header: _Header) -> list[str]:
        """Of an event whose data is here; what follows is its payload."""
        length, data = header.data_length or 0, header.data or {}
        more = bytes(self._bytes[:length])
        del self._bytes[:length]
        self._passed_over = header.payload_length or 0
        if header.type != "transcript":
            return []
        try:
            data |= msgspec.json.decode(more, type=dict[str, Any]) if more else {}
        except (msgspec.MsgspecError, RecursionError, ValueError):
            raise ValueError("data that is no JSON") from None
        text = data.get("text")
        return [text] if isinstance(text, str) else []
