"""Sets keys in the text of a config file and leaves every other line as its owner wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge.config import keys
from edge.config.files import parse
from edge.config.schema import Config
from edge.config.values import toml
from edge.errors import ConfigError

_HEADER = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9_.\-\"' ]+?)\s*=")


def with_values(text: str, changes: Mapping[str, Any]) -> str:
    """`text` with dotted keys set where they are, or where they are commented out as `#key = ...`; None unsets one.

    ConfigError if the file is laid out in a way that this cannot do, such as `mqtt = { host = "x" }`.
    """
    for key, value in changes.items():
        edited = _without(text, key) if value is None else _with(text, key, toml(value))
        wanted = _flat(parse(text))
        wanted.pop(key, None)
        if value is not None:
            wanted[key] = parse(f"x = {toml(value)}")["x"]
        try:
            good = _flat(parse(edited)) == wanted
        except ValueError:  # TOMLDecodeError is one
            good = False
        if not good:
            raise ConfigError(f"{key}: cannot be changed automatically in this file's layout; please edit it by hand")
        text = edited
    return text


@dataclass(frozen=True, slots=True)
class _Line:
    """A header, or an assignment, which may go over several lines."""

    first: int
    after: int
    key: str | None  # None: a header
    section: str


def _with(text: str, key: str, written: str) -> str:
    lines = text.splitlines()
    section, _, name = key.rpartition(".")
    parts = list(_parts(lines))
    there = next((part for part in parts if part.key == key), None)
    if there is not None:
        comment = _comment(lines[there.first : there.after])
        lines[there.first : there.after] = [f"{name} = {written}{comment}"]
        return "\n".join([*lines, ""])
    header = next((part.first for part in parts if part.key is None and part.section == section), None)
    if header is None:
        return "\n".join([*lines, "", f"[{section}]", f"{name} = {written}", ""])
    end = next((part.first for part in parts if part.key is None and part.first > header), len(lines))
    for index in range(header + 1, end):
        if re.match(rf"#{re.escape(name)}\s*=", lines[index]):
            lines[index] = f"{name} = {written}"
            return "\n".join([*lines, ""])
    lines.insert(header + 1, f"{name} = {written}")
    return "\n".join([*lines, ""])


def _without(text: str, key: str) -> str:
    """Where a comment above explains the key, its default stays below it, commented out as in the shipped file."""
    lines = text.splitlines()
    there = next((part for part in _parts(lines) if part.key == key), None)
    if there is None:
        return text
    default = keys.value_of(Config(), key)
    explained = there.first > 0 and lines[there.first - 1].startswith("#") and default is not None
    lines[there.first : there.after] = [f"#{key.rpartition('.')[2]} = {toml(default)}"] if explained else []
    return "\n".join([*lines, ""])


def _parts(lines: list[str]) -> Iterator[_Line]:
    section, index = "", 0
    while index < len(lines):
        header, assignment = _HEADER.match(lines[index]), _ASSIGNMENT.match(lines[index])
        after = index + 1
        if header:
            section = _plain(header["name"])
            yield _Line(index, after, None, section)
        elif assignment:
            after = _end(lines, index)
            name = _plain(assignment["name"])
            yield _Line(index, after, f"{section}.{name}" if section else name, section)
        index = after


def _end(lines: list[str], first: int) -> int:
    """The line after an assignment: the first one with which it is whole."""
    for after in range(first + 1, len(lines) + 1):
        if _parses("\n".join(lines[first:after])):
            return after
    return first + 1


def _comment(lines: list[str]) -> str:
    """What stands behind the value, with the space before it."""
    *before, last = lines
    for sign in re.finditer(r"\s*#", last):
        if _parses("\n".join([*before, last[: sign.start()]])):
            return last[sign.start() :]
    return ""


def _parses(text: str) -> bool:
    try:
        parse(text)
    except ValueError:  # TOMLDecodeError is one
        return False
    return True


def _plain(dotted: str) -> str:
    return re.sub(r"[\"'\s]", "", dotted)


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value by its dotted key."""
    found: dict[str, Any] = {}
    for name, value in tables.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in keys.types():
            found.update(_flat(value, f"{key}."))
        else:
            found[key] = value
    return found
