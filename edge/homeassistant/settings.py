"""What may be changed live, as entities: a number, a switch or a choice for each key, bounded as the key's type is."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

from msgspec import Meta

from edge.config import keys
from edge.config.schema import Config
from edge.homeassistant.device import Device
from edge.homeassistant.entities import Entity
from edge.language.catalogue import words

# The ones that people use; the rest is there too, disabled until somebody enables it.
_ENABLED = (
    "decision.expressiveness", "decision.smoothing_s", "decision.enter", "decision.exit", "decision.dwell_s",
    "decision.hold_s",
)  # fmt: skip
_UNITS = {"s": "s", "hz": "Hz", "db": "dB", "percent": "%", "c": "°C"}
_SMALLEST = 0.001  # Home Assistant's finest step, where a bound itself is not allowed


def settings(device: Device) -> list[Entity]:
    """One for each key that may change by MQTT and is a number, a yes or no, or a choice."""
    live = keys.values(Config())
    found = [_setting(device, key, keys.types()[key]) for key in live if keys.is_remote(key)]
    return [entity for entity in found if entity is not None]


def _setting(device: Device, key: str, hint: Any) -> Entity | None:
    base, meta, optional = _resolved(hint)
    unit = _UNITS.get(key.rpartition("_")[2], "")
    label = words(device.language).get(f"ha.setting.{key}") or _label(key)
    fields: dict[str, Any] = {
        "state": f"config/{key}",
        "command": f"config/{key}/set",
        "entity_category": "config",
        "enabled": key in _ENABLED,
    }
    if base is bool:
        fields |= {"payload_on": "true", "payload_off": "false"}
        return Entity("switch", _id(key), label, fields)
    if typing.get_origin(base) is Literal:
        return Entity("select", _id(key), label, fields | {"options": list(typing.get_args(base))})
    if base not in (int, float) or meta is None:
        return None
    low = meta.ge if meta.ge is not None else _SMALLEST
    fraction = (meta.ge, meta.le) == (0, 1)
    fields |= {
        "min": low,
        "max": meta.le,
        "step": 1 if base is int else 0.01 if fraction else _SMALLEST if low == _SMALLEST else 0.1,
        "mode": "slider" if fraction else "box",
    }
    if unit:
        fields["unit_of_measurement"] = unit
    if optional:
        fields["value_template"] = "{{ None if value == 'null' else value }}"
    return Entity("number", _id(key), label, fields)


def _resolved(hint: Any) -> tuple[Any, Meta | None, bool]:
    """The plain type, its bounds, and whether it may be unset."""
    optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = [option for option in typing.get_args(hint) if option is not type(None)]
        optional = True
    if typing.get_origin(hint) is typing.Annotated:
        base, meta = typing.get_args(hint)[:2]
        return base, meta, optional
    return hint, None, optional


def _label(key: str) -> str:
    """A key that has no name in the catalogue, in words."""
    section, _, name = key.partition(".")
    stem, _, last = name.rpartition("_")
    return f"{section.capitalize()} {(stem if last in _UNITS else name).replace('_', ' ')}"


def _id(key: str) -> str:
    return key.replace(".", "_")
