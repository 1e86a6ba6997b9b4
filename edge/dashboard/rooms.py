"""Several devices on one page: what is known of each now, by the same rules as on the page of one."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.config import keys
from edge.dashboard.history import History
from edge.messages.payloads import Payload, SettingsPayload
from edge.printable import printable

MOST = 60  # devices; more are counted and left out
_LONGEST = 100  # characters of a name


class Rooms:
    """Belongs to the page's thread. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._rooms: dict[str, History] = {}
        self._left_out: set[str] = set()

    def take(self, device: str, topic: str, payload: Payload | str, at: float) -> dict[str, Any] | None:
        """Remember a message; returns the room as it is now if anything is to be told of it."""
        room = self._rooms.get(device)
        if room is None:
            if not device or len(device) > _LONGEST:
                return None
            if len(self._rooms) >= MOST:
                if len(self._left_out) < MOST:
                    self._left_out.add(device)
                return None
            room = self._rooms[device] = History(device)
        news = [*self._settings(room, payload, at)] if isinstance(payload, SettingsPayload) else []
        news += room.take(topic, payload, at)
        return self._told(device, room, at) if news else None

    def check(self, now: float, *, cut_off: bool) -> list[dict[str, Any]]:
        """The rooms that fell silent, or came back. `cut_off`: no message can reach us at all."""
        return [
            self._told(device, room, now) for device, room in self._rooms.items() if room.check(now, cut_off=cut_off)
        ]

    def all(self, now: float) -> list[dict[str, Any]]:
        """Every room as it is now."""
        return [self._told(device, room, now) for device, room in self._rooms.items()]

    @property
    def left_out(self) -> int:
        """How many devices are not shown."""
        return len(self._left_out)

    def _settings(self, room: History, payload: SettingsPayload, at: float) -> list[Any]:
        known = keys.types()
        return [
            news
            for key, value in payload.values.items()
            if key in known
            for news in room.take(f"config/{key}", msgspec.json.encode(value).decode(), at)
        ]

    def _told(self, device: str, room: History, now: float) -> dict[str, Any]:
        enter = room.config.get("decision.enter")
        return {
            "id": device,
            "device": printable(device),
            "service": room.service,
            "enter": enter if isinstance(enter, float) else None,
            **room.present(now),
        }
