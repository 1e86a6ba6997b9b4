"""Events as a client of the Wyoming protocol writes them."""

from __future__ import annotations

import json


def event(kind: str, data: dict[str, object] | None = None, payload: bytes = b"", *, inline: bool = False) -> bytes:
    """As a client writes it; `inline`: the data within the line, as the first versions did."""
    behind = json.dumps(data).encode() if data and not inline else b""
    header: dict[str, object] = {"type": kind, "version": "1.8.0"}
    header |= {"data_length": len(behind)} if behind else {"data": data or {}}
    header |= {"payload_length": len(payload)} if payload else {}
    return json.dumps(header).encode() + b"\n" + behind + payload
