"""The record of when privacy was switched: each line carries the hash of the one before, so that a change shows.

Whoever rewrites the whole file can make a new chain; who notes the last hash elsewhere can tell.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge.device.clock import Clock
from edge.device.files import folder_owner, make_folder, write_atomically
from edge.errors import StorageError

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000  # some ten years of quiet hours; then the older half goes
_FIRST = "0" * 64  # before the first line


@dataclass(frozen=True, slots=True)
class Entry:
    """One line."""

    ts: str  # UTC, ISO 8601
    clock: str  # synced or unsynced
    privacy: str  # ON or OFF
    reason: str
    previous: str  # hash of the line before
    hash: str  # of all of the above


class PrivacyLog:
    """Appends a line whenever the published privacy changes. An observer of the service, called in its loop.

    It waits for the disk as the switch itself does; a disk that fails costs the line and nothing else.
    """

    def __init__(self, file: Path, clock: Clock, *, synced: Callable[[], bool], reason: Callable[[], str]) -> None:
        """`reason` says why privacy is on, at the moment of the change."""
        self._file = file
        self._clock = clock
        self._synced = synced
        self._reason = reason
        self._last: Entry | None = None

    def start(self) -> None:
        """Continue where the file ends; a damaged one is continued too, and `verify` will say so."""
        try:
            lines = _lines(self._file)
            self._last = _entry(lines[-1]) if lines else None
        except (StorageError, ValueError) as error:
            log.warning("%s: is damaged (%s); `emotion-edge privacy log --verify` says where", self._file, error)

    def notify(self, topic: str, payload: object, _captured: float | None) -> None:
        """A message of the service; only what it says of privacy matters here."""
        if topic != "privacy" or payload not in ("ON", "OFF") or (self._last and self._last.privacy == payload):
            return
        entry = chained(
            ts=datetime.fromtimestamp(self._clock.wall(), timezone.utc).isoformat(timespec="seconds"),
            clock="synced" if self._synced() else "unsynced",
            privacy=str(payload),
            reason=self._reason(),
            previous=self._last.hash if self._last else _FIRST,
        )
        try:
            self._append(json.dumps(asdict(entry)) + "\n")
        except OSError as error:
            log.warning("%s: the switch of privacy cannot be recorded: %s", self._file, error.strerror)
            return
        self._last = entry

    def stop(self) -> None:
        """Nothing waits."""

    def _append(self, line: str) -> None:
        make_folder(self._file.parent)
        if self._file.exists() and self._file.stat().st_size + len(line) > MAX_BYTES:
            kept = self._file.read_text("utf-8").splitlines(keepends=True)
            write_atomically(self._file, "".join(kept[len(kept) // 2 :]), owner=folder_owner(self._file.parent))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._file, flags, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def chained(*, ts: str, clock: str, privacy: str, reason: str, previous: str) -> Entry:
    """An entry with its hash."""
    content = json.dumps([ts, clock, privacy, reason, previous])
    return Entry(ts, clock, privacy, reason, previous, hashlib.sha256(content.encode()).hexdigest())


def entries(file: Path) -> list[Entry]:
    """All entries of an intact file, the oldest first. StorageError names the line that breaks the chain."""
    found: list[Entry] = []
    for number, line in enumerate(_lines(file), start=1):
        try:
            entry = _entry(line)
        except ValueError:
            raise StorageError(f"{file}: line {number} is damaged") from None
        honest = chained(
            ts=entry.ts, clock=entry.clock, privacy=entry.privacy, reason=entry.reason, previous=entry.previous
        )
        if honest.hash != entry.hash:
            raise StorageError(f"{file}: line {number} was altered: its hash does not match")
        if found and entry.previous != found[-1].hash:
            raise StorageError(f"{file}: between lines {number - 1} and {number} something was removed or inserted")
        found.append(entry)
    return found


def is_whole(found: list[Entry]) -> bool:
    """Whether it begins with the first switch ever; else older lines were left out, as they are of a long file."""
    return not found or found[0].previous == _FIRST


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _entry(line: str) -> Entry:
    """ValueError if it is none."""
    content = json.loads(line)
    if not isinstance(content, dict) or set(content) != set(Entry.__slots__):
        raise ValueError("not an entry")
    if not all(isinstance(value, str) for value in content.values()):
        raise ValueError("not an entry")
    return Entry(**content)
