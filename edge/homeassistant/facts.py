"""What the announcement depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from edge.messages.payloads import InfoPayload


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one device, as of now."""

    base: str
    device: str
    prefix: str
    version: str
    board: str
    labels: tuple[str, ...]
    state_every_s: float
    health_every_s: float
    max_hz: float

    @property
    def root(self) -> str:
        return f"{self.base}/{self.device}"


def facts(info: InfoPayload, changed: Mapping[str, str]) -> Facts:
    """From `info`, and the words of `config/<key>` that were told since."""
    publish = dict(info.config["publish"])
    for key, word in changed.items():
        section, _, name = key.partition(".")
        if section == "publish":
            publish[name] = msgspec.json.decode(word)
    return Facts(
        base=info.config["mqtt"]["base"],
        device=info.device,
        prefix=info.config["home_assistant"]["prefix"],
        version=info.version,
        board=info.board,
        labels=info.labels,
        state_every_s=publish["state_every_s"],
        health_every_s=publish["health_every_s"],
        max_hz=publish["max_hz"],
    )
