"""Changes made while the service runs: a small TOML file of its own, apart from the owner's config."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.config import keys
from edge.config.combinations import problems
from edge.config.files import read_toml
from edge.config.schema import Config
from edge.config.values import converted, toml
from edge.device.files import folder_owner, write_atomically
from edge.errors import ConfigError, StorageError

FILE_NAME = "overrides.toml"  # in the state folder

_HEAD = "# Live changes of emotion-edge; they win over the config file. Delete a line, or the file, to reset.\n"


def read(path: Path) -> dict[str, Any]:
    """The live changes by dotted key, unchecked; empty without a file. ConfigError if it is damaged."""
    try:
        path.stat()
    except FileNotFoundError:
        return {}
    except OSError:
        pass  # told in better words by what follows
    return _flat(read_toml(path)[0], "")


def change(path: Path, base: Config, values: Mapping[str, Any]) -> Config:
    """`base` with some live keys changed, all or none, and the change kept in the file.

    ConfigError if a key is unknown, not live, or its value not allowed; StorageError if it cannot be kept.
    A damaged file is put aside as `<name>.damaged`.
    """
    changed = with_changes(base, values)
    kept = _kept(path)
    wanted = {**kept, **{key: keys.value_of(changed, key) for key in values}}
    if wanted != kept:  # some automations say the same every minute, and cards wear out
        _write(path, wanted)
    return changed


def with_changes(base: Config, values: Mapping[str, Any]) -> Config:
    """`base` with some live keys changed, all or none; nothing is kept. ConfigError as for `change`."""
    changed = keys.replaced(base, {key: checked(key, value) for key, value in values.items()})
    found = [line for line in problems(changed) if line not in problems(base)]
    if found:
        raise ConfigError("\n".join(found))
    return changed


def checked(key: str, value: Any) -> Any:
    """The value as the key's type; ConfigError if the key is unknown or not live, or the value not allowed."""
    hint = keys.types().get(key)
    if hint is None:
        raise ConfigError(f"{key}: no such key{keys.did_you_mean(key)}")
    if not keys.is_live(key):
        raise ConfigError(f"{key}: cannot be changed live; set it in the config file and restart")
    if not keys.is_remote(key):
        raise ConfigError(f"{key}: only the config file on the device may change this")
    if value is None:
        raise ConfigError(f"{key}: null is not a value; reset the key to use the config file's value")
    return converted(key, hint, value)


def reset(path: Path, key: str | None) -> None:
    """Forgets one live change, or all of them. What was never changed is left alone."""
    if key is not None and key not in keys.types():
        raise ConfigError(f"{key}: no such key{keys.did_you_mean(key)}")
    kept = _kept(path)
    remaining = {other: value for other, value in kept.items() if key is not None and other != key}
    try:
        if not remaining:
            path.unlink(missing_ok=True)
        elif remaining != kept:
            _write(path, remaining)
    except OSError as error:
        raise StorageError(f"{path}: cannot be removed: {error.strerror}") from None


def live_values(config: Config) -> dict[str, Any]:
    """The keys that config/<key>/set may change, with their values."""
    return {key: value for key, value in keys.values(config).items() if keys.is_remote(key)}


def _flat(tables: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping) and f"{prefix}{name}" not in keys.types():
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _kept(path: Path) -> dict[str, Any]:
    try:
        return read(path)
    except ConfigError:
        with contextlib.suppress(OSError):
            path.replace(path.with_name(path.name + ".damaged"))
        return {}


def _write(path: Path, values: Mapping[str, Any]) -> None:
    text = _HEAD + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
    try:
        write_atomically(path, text, owner=folder_owner(path.parent))
    except OSError as error:
        raise StorageError(f"{path}: the change cannot be stored: {error.strerror}") from None
