"""Is the broker there, does it accept us, and does Home Assistant listen on it?"""

from __future__ import annotations

import time
from typing import Any

from edge.config.schema import MqttConfig
from edge.errors import BrokerError
from edge.mqtt.session import connect, probe

LISTEN_S = 2.0
_MOST = 2_000  # messages that are looked at


def try_broker(mqtt: MqttConfig, password: str | None) -> dict[str, Any]:
    """{"verdict": "good" | "bad", "reason": why not, with the remedy}"""
    why = probe(mqtt, password)
    return {"verdict": "good" if why is None else "bad", "reason": why or ""}


def look_for_home_assistant(mqtt: MqttConfig, password: str | None, prefix: str) -> dict[str, Any]:
    """What is heard below the discovery prefix. Home Assistant itself speaks there only when it starts, unless its
    birth message is retained, so others that announce themselves are a hint too."""
    found: set[str] = set()
    try:
        with connect(mqtt, password, timeout_s=5.0) as session:
            session.subscribe(f"{prefix}/#")
            end = time.monotonic() + LISTEN_S
            for _ in range(_MOST):
                message = session.next(max(0.0, end - time.monotonic()))
                if message is None:
                    break
                topic = message.topic[len(prefix) + 1 :]
                if topic == "status" and message.payload == b"online":
                    return {"verdict": "good", "reason": ""}
                if topic.endswith("/config") and message.payload:
                    found.add(topic)
    except BrokerError as error:
        return {"verdict": "bad", "reason": str(error)}
    return {"verdict": "others" if found else "silent", "reason": "", "count": len(found)}
