"""The gate that owns device access: privacy on means that camera and microphone are released.

It is on for any of several reasons (the owner's switch, the mute button, quiet hours) and fails closed.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from edge.errors import StorageError

log = logging.getLogger(__name__)


class QuietHours(Protocol):
    """A period of the day, each end as HH:MM; it may pass midnight."""

    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str: ...


class PrivacySettings(Protocol):
    """What the owner's config says about privacy."""

    @property
    def start(self) -> str: ...  # "on" or "off", when no state is stored
    @property
    def quiet_hours(self) -> Sequence[QuietHours]: ...


class Gate:
    """Whether the senses may be used. Owned by the decision loop; the switch survives restarts and power cuts."""

    def __init__(self, file: Path, settings: PrivacySettings) -> None:
        self._file = file
        self._settings = settings
        self._stamp: tuple[int, int] | None = None
        self._stored: bool | None = None  # what the file is known to say
        self._switch = True
        self._quiet = False
        self._read()

    def apply(self, settings: PrivacySettings) -> None:
        """Quiet hours and permissions that changed while we run."""
        self._settings = settings

    @property
    def on(self) -> bool:
        """Privacy is on: nothing may be open."""
        return self._switch or self._quiet

    @property
    def reason(self) -> str:
        """Why it is on, for a person."""
        if self._switch:
            return "privacy is on"
        return "quiet hours" if self._quiet else ""

    def switch(self, on: bool) -> None:
        """Set and store the switch. When it cannot be stored it is on, and StorageError says why."""
        if on == self._switch == self._stored and _stamp(self._file) == self._stamp:
            return
        self._switch = True
        try:
            _write(self._file, "on" if on else "off")
        except OSError as error:
            raise StorageError(f"{self._file}: privacy cannot be stored: {error.strerror}; it stays on") from None
        self._switch = self._stored = on
        self._stamp = _stamp(self._file)

    def refresh(self, local_minutes: int) -> None:
        """Look at the file (`emotion-edge privacy on` writes it) and at the clock, minutes since midnight."""
        if _stamp(self._file) != self._stamp:
            was = self._switch
            self._read()
            if was and self._stamp is None and not self._switch:
                log.warning("%s: is gone: privacy stays on", self._file)
                self._switch = True
        self._quiet = in_quiet_hours(self._settings.quiet_hours, local_minutes)

    def _read(self) -> None:
        self._stamp, self._stored = _stamp(self._file), None
        try:
            word = self._file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            word = "on" if self._file.is_symlink() else self._settings.start
        except (OSError, UnicodeDecodeError) as error:
            log.warning("%s: cannot be read (%s): privacy stays on", self._file, error)
            word = "on"
        else:
            self._stored = {"on": True, "off": False}.get(word)
        if word not in ("on", "off"):
            log.warning("%s: holds neither on nor off: privacy stays on", self._file)
        self._switch = word != "off"


def store(file: Path, on: bool) -> None:
    """Set the switch from another process; the running service notices within a second."""
    try:
        _write(file, "on" if on else "off")
    except OSError as error:
        raise StorageError(f"{file}: cannot be written: {error.strerror}") from None


def in_quiet_hours(periods: Sequence[QuietHours], minutes: int) -> bool:
    """Whether `minutes` since midnight lie in a period; a period may pass midnight."""
    for period in periods:
        start, end = _minutes(period.start), _minutes(period.end)
        inside = start <= minutes < end if start <= end else minutes >= start or minutes < end
        if inside:
            return True
    return False


def _minutes(time_of_day: str) -> int:
    hours, minutes = time_of_day.split(":")
    return int(hours) * 60 + int(minutes)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _write(file: Path, word: str) -> None:
    """Replaces the file in one step: after a power cut it holds the old word or the new one.

    Root writes on behalf of the folder's owner, who must be able to read it, and who may not lead root astray.
    """
    _make_folder(file.parent)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        if os.geteuid() == 0:
            owner = file.parent.stat()
            os.fchown(out.fileno(), owner.st_uid, owner.st_gid)
        out.write(word + "\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    _sync(file.parent)


def _make_folder(folder: Path) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        _sync(one.parent)


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
