"""Reads a TOML file into a dict, or says in one line why that cannot be done."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from edge.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

parse = tomllib.loads

MAX_BYTES = 1_000_000  # a config is some kilobytes; a device node or a film named by mistake is refused


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The content and the text of the file; ConfigError with the file's name and the remedy."""
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder, not a config file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `emotion-edge setup` writes one") from None
    except PermissionError:
        raise ConfigError(f"{path}: no permission to read it; its owner must permit it, or run as that user") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB, which is too large for a config file")
    try:
        text = raw.decode("utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8; save the file as UTF-8 text") from None
    try:
        return parse(text), text
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except (RecursionError, ValueError) as error:  # absurd nesting, a date that no calendar has
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def line_of(text: str, key: str) -> int | None:
    """The line on which a dotted key or its table is written, as far as a plain reading of the text tells."""
    table, best = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?\s*([\w.\-\"' ]+?)\s*\]", line)
        written = re.match(r"\s*([\w.\-\"' ]+?)\s*=", line)
        if header:
            table = _plain(header[1])
            name = table
        elif written:
            name = f"{table}.{_plain(written[1])}" if table else _plain(written[1])
        else:
            continue
        if name == key:
            return number
        if re.match(rf"{re.escape(name)}[.\[]", key):
            best = number
    return best


def _plain(dotted: str) -> str:
    return re.sub(r"[\"'\s]", "", dotted)
