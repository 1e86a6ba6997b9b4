"""What would make a device tell more about people, or listen to somebody else: only its owner's file may do that."""

from __future__ import annotations

from typing import Any

from edge.config import keys
from edge.config.schema import Config

_OWNERS = {
    "privacy": "what protects the people before it",
    "mqtt": "the broker that it trusts, and its TLS",
    "dashboard": "who may look at it",
    "device": "what it is for, and whose it is",
    "camera": "what it sees",
    "microphone": "what it hears",
}
_TELLS_MORE = ("publish.people", "publish.modalities")
_KEEPS_MORE = ("history.",)


def loosens(config: Config, key: str, value: Any) -> str | None:
    """Why `key` = `value` must not come over MQTT, given what is in effect; None if nothing speaks against it."""
    section = key.partition(".")[0]
    if section in _OWNERS:
        return f"{_OWNERS[section]}: only the config file on the device may change this"
    if key not in keys.types():
        return None
    before = keys.value_of(config, key)
    if key in _TELLS_MORE and not before and value is not False:
        return "would publish more about people; only the config file on the device may allow it"
    if key.startswith(_KEEPS_MORE) and not _less(value, before):
        return "would keep more about people; only the config file on the device may allow it"
    return None


def _less(value: Any, before: Any) -> bool:
    if isinstance(before, bool) or isinstance(value, bool):
        return value is False or value is before
    return isinstance(value, int | float) and isinstance(before, int | float) and value <= before
