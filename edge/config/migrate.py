"""Brings an older config up to date in memory, so that an upgrade never locks an owner out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edge.config.schema import CONFIG_VERSION

# A migration changes the raw tables in place and returns a warning for each thing it did. It must leave a file
# alone that does not have the old keys: a file without config_version passes through all of them.
Migration = Callable[[dict[str, Any]], list[str]]

MIGRATIONS: tuple[Migration, ...] = ()  # the first leads from version 1 to 2, and so on


def migrate(
    raw: dict[str, Any], migrations: Sequence[Migration] = MIGRATIONS, current: int = CONFIG_VERSION
) -> tuple[list[str], bool]:
    """Applies to `raw` what its version needs. Returns the warnings and whether the file is newer than this program."""
    version = raw.get("config_version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return [], False  # refused by its type soon
    if version > current:
        return [
            f"config_version: {version} was written for a newer emotion-edge (this one knows {current}); "
            "unknown keys are ignored"
        ], True
    warnings = []
    for step in migrations[version - 1 :]:
        warnings += step(raw)
    if "config_version" in raw:
        raw["config_version"] = current
    return warnings, False


def move(raw: dict[str, Any], old: str, new: str) -> list[str]:
    """For migrations: the value of `old` becomes that of `new`, unless that is set already."""
    holder, name = _table(raw, old, create=False)
    if holder is None or name not in holder:
        return []
    value = holder.pop(name)
    if not holder and "." in old:
        raw.pop(old.partition(".")[0], None)
    target, new_name = _table(raw, new, create=True)
    if target is None:
        return [f"{old}: ignored; it was renamed to {new}, and {new.partition('.')[0]} is no table here"]
    if new_name in target:
        return [f"{old}: ignored; it was renamed to {new}, which is set as well"]
    target[new_name] = value
    return [f"{old}: was renamed to {new}; please rename it in the file"]


def _table(raw: dict[str, Any], key: str, *, create: bool) -> tuple[dict[str, Any] | None, str]:
    section, dot, name = key.partition(".")
    if not dot:
        return raw, key
    table = raw.setdefault(section, {}) if create else raw.get(section)
    return (table if isinstance(table, dict) else None), name
