"""The head of every message: session, number, and the wall time of what it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Literal

import msgspec

from edge.device.clock import Clock
from edge.messages.payloads import Payload


def iso(wall: float) -> str:
    """UTC with milliseconds: 2026-01-31T09:15:00.250Z."""
    return datetime.fromtimestamp(wall, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Stamp:
    """Counts per topic from 1 on. Belongs to one thread."""

    def __init__(self, session: str, clock: Clock, synced: Callable[[], bool]) -> None:
        self.session = session
        self._clock = clock
        self._synced = synced
        self._numbers: dict[str, int] = {}

    def numbered(self, topic: str, payload: Payload, captured: float, number: int | None = None) -> tuple[bytes, int]:
        """The payload as JSON with its head filled, and its number: the topic's next one, unless it has one already."""
        following = self._numbers.get(topic, 0) + 1
        ts, clock = self._when(captured)
        head = {"ts": ts, "clock": clock, "session": self.session, "seq": number or following}
        text = msgspec.json.encode(msgspec.structs.replace(payload, **head))
        if number is None:
            self._numbers[topic] = following  # only now: what cannot be encoded leaves no gap
        return text, number or following

    def give_back(self, topic: str) -> None:
        """The message with the last number was not sent after all."""
        self._numbers[topic] -= 1

    def wall(self, captured: float) -> tuple[float, bool]:
        """The wall time of a monotonic moment as the device knows it now, and whether that is known good."""
        return self._clock.wall() - (self._clock.monotonic() - captured), self._synced()

    def trusted_wall(self) -> float | None:
        """The wall time, None while it is not known good."""
        return self._clock.wall() if self._synced() else None

    def corrected(self, payload: dict[str, Any], captured: float) -> dict[str, Any]:
        """A message of this session that was stored before the clock was right, with the time that it should bear."""
        if payload.get("clock") != "unsynced" or not self._synced():
            return payload
        ts, clock = self._when(captured)
        return {**payload, "ts": ts, "clock": clock}

    def _when(self, captured: float) -> tuple[str, Literal["synced", "unsynced"]]:
        wall, good = self.wall(captured)
        return iso(wall), "synced" if good else "unsynced"
