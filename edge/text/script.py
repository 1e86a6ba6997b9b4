"""A script for replays: what was said when, a line each, as `12.5 I cannot believe it`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from edge.errors import EdgeError
from edge.text.classifier import MAX_CHARACTERS

_MAX_BYTES = 10_000_000


class Line(NamedTuple):
    time: float  # seconds of the recording, when the words were understood
    words: str


def read_script(path: Path) -> list[Line]:
    """In order of time; empty lines and those that begin with # are passed over. EdgeError names the line."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise EdgeError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EdgeError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    if len(content) > _MAX_BYTES:
        raise EdgeError(f"{path}: is larger than {_MAX_BYTES // 1_000_000} MB, which is too large for a script")
    rows = enumerate(text.splitlines(), 1)
    return sorted(_line(row, f"{path}: line {number}") for number, row in rows if row.strip() and row[0] != "#")


def _line(row: str, where: str) -> Line:
    moment, *rest = row.split(maxsplit=1)
    words = "".join(rest)
    try:
        time = float(moment)
    except ValueError:
        time = -1.0
    if not 0.0 <= time < 1e7 or not words:
        raise EdgeError(f"{where}: must be seconds and what was said then, such as `12.5 I cannot believe it`")
    if len(words) > MAX_CHARACTERS:
        raise EdgeError(f"{where}: is longer than {MAX_CHARACTERS} characters")
    return Line(time, words.strip())
