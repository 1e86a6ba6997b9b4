"""The effective configuration: defaults, then the board's preset, the owner's file, and what was changed live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import edge.device.board
from edge.config import keys
from edge.config.combinations import problems
from edge.config.files import line_of, read_toml
from edge.config.migrate import migrate
from edge.config.overrides import read as read_overrides
from edge.config.schema import Config
from edge.config.values import converted, shown
from edge.device import resources
from edge.errors import ConfigError

DEFAULT = "default"
OVERRIDES = "overrides"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A usable configuration and where each value comes from."""

    config: Config
    origins: Mapping[str, str]  # dotted key -> "default", "preset pi4", the file's path, or "overrides"
    warnings: tuple[str, ...]  # one line each
    path: Path | None


def load(path: Path | None, *, overrides: Path | None = None, board: str | None = None) -> Loaded:
    """The configuration of `path` (None: only defaults), or ConfigError with one line for each problem.

    Nothing is written. `overrides` is the file of live changes; it can never stop a start: what is wrong in it is
    left out with a warning. `board` is the preset unless the file names one; None asks the device.
    """
    owner, warnings = _owner_values(path)
    preset = _preset(owner.get("device.board", "auto"), board)
    values = {**preset[1], **owner}
    origins = dict.fromkeys(keys.types(), DEFAULT)
    origins.update(dict.fromkeys(preset[1], preset[0]))
    origins.update(dict.fromkeys(owner, str(path)))
    config = keys.replaced(Config(), values)
    found = problems(config)
    if found:
        raise ConfigError("\n".join(_located(line, path) for line in found))
    if overrides is not None:
        changes, more = _override_values(overrides, config)
        warnings += more
        config = keys.replaced(config, changes)
        origins.update(dict.fromkeys(changes, OVERRIDES))
    return Loaded(config, MappingProxyType(origins), tuple(warnings), path)


def needs_restart(old: Config, new: Config) -> tuple[str, ...]:
    """The keys that differ and cannot change while the service runs."""
    before, after = keys.values(old), keys.values(new)
    return tuple(
        key for key in before if before[key] != after[key] and not keys.is_live(key) and key != "config_version"
    )


def live_part(running: Config, wanted: Config) -> Config:
    """`running` with everything of `wanted` that may change while the service runs."""
    return keys.replaced(running, {key: value for key, value in keys.values(wanted).items() if keys.is_live(key)})


def _owner_values(path: Path | None) -> tuple[dict[str, Any], list[str]]:
    if path is None:
        return {}, []
    raw, text = read_toml(path)
    warnings, newer = migrate(raw)
    values, wrong = checked(raw)
    if newer:
        values, clashes = _without_clashes(Config(), values)
        wrong += clashes
    elif wrong:  # what clashes among the good values is told along with them, so that one look is enough
        bad = [line.partition(": ")[0] for line in wrong]
        clashes = problems(keys.replaced(Config(), values))
        wrong += [line for line in clashes if not any(key in line for key in bad)]
        raise ConfigError("\n".join(_located(line, path, text) for line in wrong))
    return values, [_located(line, path, text) for line in warnings + [f"{line}; ignored" for line in wrong]]


def checked(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The usable values of a raw file by dotted key, and one line for each thing that is wrong in it."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for key, value in flat(raw):
        hint = keys.types().get(key)
        if hint is None:
            wrong.append(_unknown(key, value))
            continue
        try:
            values[key] = converted(key, hint, value)
        except ConfigError as error:
            wrong.append(str(error))
    return values, wrong


def flat(raw: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The raw tables as dotted keys; a key that may itself hold a table is not taken apart."""
    sections = {key.partition(".")[0] for key in keys.types() if "." in key}
    for name, value in raw.items():
        key = f"{prefix}{name}"
        if not prefix and name in sections and isinstance(value, Mapping):
            yield from flat(value, f"{key}.")
        else:
            yield key, value


def _unknown(key: str, value: Any) -> str:
    sections = {known.partition(".")[0] for known in keys.types() if "." in known}
    if key in sections:
        return f"{key}: {shown(value)} is not valid; allowed: a table, written [{key}]"
    name = key.rpartition(".")[2].lower()
    if name in ("password", "passwd", "pass", "secret"):
        return f"{key}: passwords do not belong here; allowed: mqtt.password_file, the name of a file with the password"
    return f"{key}: no such key{keys.did_you_mean(key)}"


def _preset(named: str, board: str | None) -> tuple[str, dict[str, Any]]:
    name = named if named != "auto" else board or edge.device.board.detect().name
    path = resources.firmware_config() / "boards" / f"{name}.toml"
    values, wrong = checked(read_toml(path)[0])
    if wrong:
        raise ConfigError("\n".join(f"{line} ({path})" for line in wrong))
    return f"preset {name}", values


def _override_values(path: Path, config: Config) -> tuple[dict[str, Any], list[str]]:
    """What of the overrides can be applied to `config`, and warnings about the rest."""
    try:
        values, wrong = checked(keys.nested(read_overrides(path)))
    except ConfigError as error:
        return {}, [f"{error}; the live changes in it are ignored"]
    warnings = [f"{line}; this live change is ignored ({path})" for line in wrong]
    for key in [key for key in values if not keys.is_remote(key)]:
        del values[key]
        warnings.append(f"{key}: cannot be changed live; this change is ignored ({path})")
    values, clashes = _without_clashes(config, values)  # the owner's file may have changed since
    return values, warnings + [f"{line}; this live change is ignored ({path})" for line in clashes]


def _without_clashes(config: Config, values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`values` less those that make `config` impossible, and what was wrong with them."""
    found = problems(keys.replaced(config, values))
    good = {key: value for key, value in values.items() if not any(key in line for line in found)}
    return ({} if problems(keys.replaced(config, good)) else good), found


def _located(line: str, path: Path | None, text: str | None = None) -> str:
    if path is None:
        return line
    if text is None:
        text = read_toml(path)[1]
    number = line_of(text, line.partition(": ")[0])
    return f"{line} ({path}, line {number})" if number else f"{line} ({path})"
