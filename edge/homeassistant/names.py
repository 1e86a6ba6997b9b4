"""What Home Assistant knows us by."""

from __future__ import annotations

import re

_STRANGE = re.compile(r"[^A-Za-z0-9_-]")
_ANNOUNCEMENT = re.compile(r"[^+#\x00]+/device/[A-Za-z0-9_-]+/config")


def device_id(base: str, device: str) -> str:
    """The device's level in discovery topics: its name, and the base before it if that is not ours by default."""
    return _STRANGE.sub("_", device if base == "emotion" else f"{base}_{device}")


def announcement_topic(prefix: str, base: str, device: str) -> str:
    """Where Home Assistant looks for the device."""
    return f"{prefix}/device/{device_id(base, device)}/config"


def birth_topic(prefix: str) -> str:
    """Where Home Assistant says that it has started."""
    return f"{prefix}/status"


def is_announcement(topic: str) -> bool:
    """Whether `topic` is one that a device may be announced on."""
    return _ANNOUNCEMENT.fullmatch(topic) is not None and topic.isprintable()
