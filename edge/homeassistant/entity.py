"""One entity of the device, before it is written as Home Assistant wants it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entity:
    """`fields` are Home Assistant's own options, except these: `state`, `command` and `attributes` are topics below
    ours, and `enabled` says whether it shows from the start. `of_people` entities are unavailable under privacy."""

    platform: str
    id: str
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    of_people: bool = False
