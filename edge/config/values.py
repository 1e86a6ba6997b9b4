"""One value of the configuration: converted to its type, or refused in words that say what is allowed."""

from __future__ import annotations

import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Meta

from edge.config.schema import Section
from edge.config.secrets import masked
from edge.errors import ConfigError


def converted(key: str, hint: Any, value: Any) -> Any:
    """`value` as the type `hint`; ConfigError as `key: what is wrong; allowed: ...`, one line per problem."""
    if isinstance(hint, type) and issubclass(hint, Section):
        return _converted_table(key, hint, value)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(converted(f"{key}[{index}]", arguments[0], item) for index, item in enumerate(value))
    if origin is dict and isinstance(value, Mapping):
        return {name: converted(f"{key}.{name}", arguments[1], item) for name, item in value.items()}
    try:
        result = msgspec.convert(value, hint)
    except (msgspec.ValidationError, OverflowError):
        raise ConfigError(f"{key}: {shown(value)} is not valid; allowed: {allowed(hint)}") from None
    if isinstance(result, float) and not math.isfinite(result):
        raise ConfigError(f"{key}: {result} is not valid; allowed: {allowed(hint)}")
    if isinstance(result, str) and any(ord(character) < 32 or ord(character) == 127 for character in result):
        raise ConfigError(f"{key}: {shown(value)} contains a control character; allowed: {allowed(hint)}")
    return result


def _converted_table(key: str, struct: type[Section], value: Any) -> Section:
    hints = typing.get_type_hints(struct, include_extras=True)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}: {shown(value)} is not valid; allowed: {allowed(struct)}")
    for name in value:
        if name not in hints:
            raise ConfigError(f"{key}.{name}: no such key; allowed: {', '.join(hints)}")
    for name in struct.__struct_fields__:
        if name not in value:
            raise ConfigError(f"{key}.{name}: is missing; allowed: {allowed(hints[name])}")
    return struct(**{name: converted(f"{key}.{name}", hints[name], item) for name, item in value.items()})


def allowed(hint: Any) -> str:
    """What a key of this type may hold, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(allowed(option) for option in arguments if option is not type(None))
    if origin is typing.Annotated:
        return _allowed_annotated(arguments[0], arguments[1])
    if origin is Literal:
        return ", ".join(toml(option) for option in arguments)
    if isinstance(hint, type) and issubclass(hint, Section):
        return "a table with " + ", ".join(hint.__struct_fields__)
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes"}
    nested = {tuple: "a list, each item ", dict: "a table of names, each with "}
    return nested[origin] + allowed(arguments[-1 if origin is dict else 0]) if origin in nested else words[hint]


def _allowed_annotated(base: Any, meta: Meta) -> str:
    if meta.description:
        return meta.description
    low = f"from {meta.ge:g}" if meta.ge is not None else f"above {meta.gt:g}" if meta.gt is not None else ""
    high = f"to {meta.le:g}" if meta.le is not None else ""
    return " ".join(part for part in (allowed(base), low, high) if part)


def shown(value: Any) -> str:
    """A wrong value, short enough for one line, without credentials that may be in it."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 60
    return shortener.repr(masked(value) if isinstance(value, str) else value)


def toml(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Section):
        return toml({name: getattr(value, name) for name in value.__struct_fields__})
    if isinstance(value, Mapping):
        items = ", ".join(f"{json.dumps(name, ensure_ascii=False)} = {toml(item)}" for name, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    return f"[{', '.join(toml(item) for item in value)}]"
