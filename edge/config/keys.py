"""The configuration seen as flat dotted keys: their types, their values, and which of them may change live."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from edge.config.schema import Config, Section

# What may change while the service runs. The rest needs a restart.
_LIVE_SECTIONS = ("decision", "fusion", "publish", "limits", "log")
_LIVE_KEYS = (
    "face.min_score", "face.min_size", "face.find_every", "face.max_people", "face.classify_hz", "face.forget_s",
    "face.still_s", "face.rest_share", "face.rest", "speech.voice_threshold", "speech.min_voice_s",
    "speech.min_snr_db", "speech.require_face", "privacy.remote_off", "privacy.quiet_hours", "privacy.trust_clock",
)  # fmt: skip

# Live too, but only by the owner's file and SIGHUP: whoever may write to the broker must not be able to
# loosen the privacy of the room.
_OWNER_ONLY_KEYS = ("privacy.remote_off", "privacy.quiet_hours", "privacy.trust_clock")


@cache
def types() -> Mapping[str, Any]:
    """Every key of the configuration with its type, in the order of the schema."""
    return dict(_types(Config, ""))


def _types(struct: type[Section], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, hint in typing.get_type_hints(struct, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, Section):
            found += _types(hint, f"{prefix}{name}.")
        else:
            found.append((prefix + name, hint))
    return found


def values(config: Config) -> dict[str, Any]:
    """Every key with its value."""
    return {key: value_of(config, key) for key in types()}


def value_of(config: Config, key: str) -> Any:
    """The value of one dotted key."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def replaced(config: Config, changes: Mapping[str, Any]) -> Config:
    """`config` with the (already converted) values of some dotted keys."""
    top = nested(changes)
    for name, value in top.items():
        section = getattr(config, name)
        if isinstance(section, msgspec.Struct):
            top[name] = msgspec.structs.replace(section, **value)
    return msgspec.structs.replace(config, **top)


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as tables again."""
    tables: dict[str, Any] = {}
    for key, value in flat.items():
        section, dot, name = key.partition(".")
        if dot:
            tables.setdefault(section, {})[name] = value
        else:
            tables[section] = value
    return tables


def is_live(key: str) -> bool:
    """Whether the key may change while the service runs."""
    return key.partition(".")[0] in _LIVE_SECTIONS or key in _LIVE_KEYS


def is_remote(key: str) -> bool:
    """Whether the key may change by MQTT: live, and not the owner's alone."""
    return is_live(key) and key not in _OWNER_ONLY_KEYS


def did_you_mean(key: str) -> str:
    """` did you mean ...?` for a mistyped key, or nothing when none is near."""
    known = list(types())
    name = key.rpartition(".")[2]
    elsewhere = [other for other in known if other.rpartition(".")[2] == name]
    near = elsewhere or difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    sections = {other.partition(".")[0] for other in known}
    if not near and "." not in key:
        near = difflib.get_close_matches(key, sections, n=1)
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""
