"""How we stand with the broker, for others to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["connecting", "connected", "refused", "unreachable", "taken over", "stopped"]


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """As of a moment ago."""

    state: State = "connecting"
    reason: str = ""  # for a person; empty when all is well
    connections: int = 0  # since the start
    outbox: int = 0  # messages that wait
    sent_bytes_today: int = 0  # topics and payloads
    rewrites_topics: bool = False  # the broker turns dots in topics into slashes
    disk_bytes_today: int = 0  # written for them
    dropped: int = 0  # messages given up since the start: no room, too old, or refused by the broker
    commands_refused: int = 0  # commands of others, because there were too many
    degraded: str = ""  # why what waits is kept in memory only
