"""Open Sound Control: one UDP packet per message, for art, sound and light.

Addresses below /emotion/<device>: `state` (label, confidence), `reading/<label>` (probability), `valence`, `arousal`,
`people`, `event` (name, label), `available` (1 or 0).
"""

from __future__ import annotations

from typing import Any

from edge.errors import MissingPackage
from edge.messages.payloads import EventPayload, Payload, ReadingPayload, StatePayload
from edge.readings import ABSENT

Message = tuple[str, list[str | float | int]]


def messages(device: str, topic: str, payload: Payload | str) -> list[Message]:
    """What is sent for one message; nothing for most."""
    root = f"/emotion/{device}"
    if isinstance(payload, StatePayload):
        return [(f"{root}/state", [payload.label, payload.confidence]), (f"{root}/people", [payload.people])]
    if isinstance(payload, ReadingPayload):
        shares = [(f"{root}/reading/{label}", [share]) for label, share in payload.probabilities.items()]
        return [*shares, (f"{root}/valence", [payload.valence]), (f"{root}/arousal", [payload.arousal])]  # type: ignore[list-item]
    if isinstance(payload, EventPayload):
        return [(f"{root}/event", [payload.event, payload.label or ""])]
    if topic == "availability":
        return [(f"{root}/available", [int(payload == "online")]), *_nobody(root, payload != "online")]
    if topic == "privacy":
        return _nobody(root, payload == "ON")
    return []


def _nobody(root: str, gone: bool) -> list[Message]:
    """No receiver may go on showing a feeling that nobody watches any more."""
    return [(f"{root}/state", [ABSENT, 0.0]), (f"{root}/people", [0])] if gone else []


class OscBridge:
    """A Bridge to an OSC receiver at host and port."""

    def __init__(self, device: str, host: str, port: int) -> None:
        try:
            from pythonosc.udp_client import SimpleUDPClient
        except ImportError:
            raise MissingPackage("OSC needs python-osc: pip install 'emotion-edge[osc]'") from None
        self._client: Any = SimpleUDPClient(host, port)
        self._device = device
        self.where = f"OSC to {host}:{port}, addresses below /emotion/{device}"

    def forward(self, topic: str, payload: Payload | str, age_s: float) -> None:  # noqa: ARG002 - OSC is of this moment
        for address, arguments in messages(self._device, topic, payload):
            self._client.send_message(address, arguments)

    def close(self) -> None:
        self._client._sock.close()
