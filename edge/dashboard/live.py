"""Those who look at the page now, each with a short queue. Who does not keep up is dropped, and reconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.dashboard.history import News
from edge.device.clock import Clock

MOST = 8
BEAT_S = 15.0  # a stream is never silent for longer
_CHECK_S = 10.0  # a stream ends so soon after its session did
_QUEUE = 120  # messages: at two readings a second about half a minute


@dataclass(eq=False, slots=True)
class Viewer:
    """One open page. `cookie` is its session's word."""

    cookie: str
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE))


class Viewers:
    """Belongs to the page's thread."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()

    def __len__(self) -> int:
        return len(self._viewers)

    def add(self, cookie: str) -> Viewer | None:
        """A new one, or None when there are enough."""
        if len(self._viewers) >= MOST:
            return None
        viewer = Viewer(cookie)
        self._viewers.add(viewer)
        return viewer

    def remove(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    def send(self, news: list[News]) -> None:
        """To everybody."""
        if not self._viewers:
            return
        for name, content in news:
            message = encoded(name, content)
            for viewer in list(self._viewers):
                try:
                    viewer.queue.put_nowait(message)
                except asyncio.QueueFull:
                    self.drop(viewer)

    def drop(self, viewer: Viewer) -> None:
        """End its stream; what it has not taken by now is dropped."""
        self._viewers.discard(viewer)
        while not viewer.queue.empty():
            viewer.queue.get_nowait()
        viewer.queue.put_nowait(None)

    def signed_out(self, cookie: str) -> None:
        """End the streams of one session."""
        for viewer in [each for each in self._viewers if each.cookie == cookie]:
            self.drop(viewer)

    def end(self) -> None:
        for viewer in list(self._viewers):
            self.drop(viewer)


def encoded(name: str, content: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(content) + b"\n\n"


async def stream(
    viewers: Viewers, viewer: Viewer, first: dict[str, Any], still: Callable[[str], bool], clock: Clock
) -> AsyncGenerator[bytes, None]:
    """What one viewer is sent, from a first snapshot on; it ends when `still` says that its session did."""
    try:
        yield b"retry: 2000\n\n" + encoded("snapshot", first)
        checked = clock.monotonic()
        while True:
            try:
                part = await asyncio.wait_for(viewer.queue.get(), BEAT_S)
            except (asyncio.TimeoutError, TimeoutError):
                part = b"event: beat\ndata: {}\n\n"
            now = clock.monotonic()
            if now - checked >= _CHECK_S:
                checked = now
                if not still(viewer.cookie):
                    return
            if part is None:
                return
            yield part
    finally:
        viewers.remove(viewer)
