"""The gate that owns device access: privacy on means that camera and microphone are closed.

It is on for any of several reasons (the owner's switch, the mute button, quiet hours) and fails closed.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.device.clock import Clock, SystemClock, system_synced
from edge.device.files import folder_owner, make_folder, sync_folder, write_atomically
from edge.device.paths import privacy_file, runtime_of
from edge.errors import StorageError

log = logging.getLogger(__name__)

STORE_AGAIN_S = 30.0  # a switch that the disk refused is tried again this often


class DailyPeriod(Protocol):
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
    def quiet_hours(self) -> Sequence[DailyPeriod]: ...
    @property
    def trust_clock(self) -> bool: ...  # quiet hours by a clock that is not synchronised


@dataclass(frozen=True, slots=True)
class PrivacyState:
    """The answer of the gate."""

    on: bool  # no device may be open
    reason: str = ""  # why it is on, for a person; empty when it is off
    planned: bool = False  # by quiet hours alone: nobody asked for it at this moment


class Gate:
    """Answers one question, the same for the service, the doctor and the command line: is privacy on now?

    The switch is a word in the service's state folder: a missing file means the config's word, one that cannot be
    read means on. Where the disk refuses to store ON, the runtime folder keeps it: a file there means on.
    Only the service and `emotion-edge privacy` switch; everybody else asks and changes nothing.
    """

    def __init__(
        self,
        state: Path,
        settings: PrivacySettings,
        clock: Clock | None = None,
        *,
        synced: Callable[[], bool] = system_synced,
        runtime: Path | None = None,
    ) -> None:
        """`state` is the service's folder (paths.state_of), `synced` says whether the wall clock can be trusted."""
        self._file = privacy_file(state)
        self._marker = (runtime or runtime_of(state)) / self._file.name
        self._settings = settings
        self._clock = clock or SystemClock()
        self._synced = synced
        self._clock_known = False
        self._file_stamp: _Stamp = None
        self._marker_stamp: _Stamp = None
        self._stored: bool | None = None  # what the file is known to say
        self._switch = True
        self._kept_until_boot = False
        self._unstored_since: float | None = None
        self._read()

    def apply(self, settings: PrivacySettings) -> None:
        """Quiet hours and permissions that changed while we run."""
        self._settings = settings

    def now(self) -> PrivacyState:
        """Whether privacy is on at this moment, and why. Notices what another process has switched."""
        if _stamp(self._file) != self._file_stamp:
            was = self._switch
            self._read()
            if was and not self._switch and self._stored is None:
                log.warning("%s: is gone: privacy stays on", self._file)
                self._switch = True
        elif _stamp(self._marker) != self._marker_stamp:
            self._read_marker()
        if self._switch:
            return PrivacyState(True, "privacy is on")
        if not self._settings.quiet_hours:
            return PrivacyState(False)
        if not (self._settings.trust_clock or self._clock_is_known()):
            return PrivacyState(True, "quiet hours are set, but the clock is not synchronised yet", planned=True)
        local = time.localtime(self._clock.wall())
        if in_quiet_hours(self._settings.quiet_hours, local.tm_hour * 60 + local.tm_min):
            return PrivacyState(True, "quiet hours", planned=True)
        return PrivacyState(False)

    def switch(self, on: bool) -> None:
        """Set the switch and store it. StorageError: it is on, and the message says what could not be stored."""
        self.now()  # what another process has stored meanwhile
        if on == self._switch == self._stored and self._unstored_since is None:
            return
        self._switch = True
        try:
            _write(self._file, "on" if on else "off")
            self._marker.unlink(missing_ok=True)
        except OSError as error:
            if not on:
                raise StorageError(f"{self._file}: OFF cannot be stored: {error.strerror}; privacy stays on") from None
            self._store_elsewhere(error)
        else:
            self._switch = self._stored = on
            self._unstored_since = None
        self._file_stamp, self._marker_stamp = _stamp(self._file), _stamp(self._marker)

    def store_again(self) -> None:
        """Try to store an ON that the disk refused, now and then. Call it about once a second."""
        now = self._clock.monotonic()
        if self._unstored_since is None or now - self._unstored_since < STORE_AGAIN_S:
            return
        try:
            self.switch(True)
        except StorageError:
            self._unstored_since = now
        else:
            log.info("%s: privacy is stored now", self._file)

    @property
    def lost_on_restart(self) -> bool:
        """Privacy was switched on and could be stored nowhere: a new process would not know of it."""
        return self._unstored_since is not None and not self._kept_until_boot

    def _store_elsewhere(self, error: OSError) -> None:
        """ON could not be written as it should be: an emptied file means on too, and needs no room on a full disk."""
        if _emptied(self._file):
            self._stored, self._unstored_since = None, None
            return
        self._unstored_since = self._clock.monotonic()
        try:
            self._make_runtime_folder()
            _write(self._marker, "on")
        except OSError as second:
            self._kept_until_boot = False
            raise StorageError(
                f"privacy is on and stays on while the service runs, but it could not be stored: {self._file}: "
                f"{error.strerror}; {self._marker}: {second.strerror}; mend the disk, it is stored then"
            ) from None
        self._kept_until_boot = True
        raise StorageError(
            f"privacy is on and stays on until this machine restarts, but {self._file} could not be written: "
            f"{error.strerror}; mend the disk, it is stored then"
        )

    def _clock_is_known(self) -> bool:
        """Once synchronised, a clock stays right for long; without a network the kernel soon doubts it again."""
        self._clock_known = self._clock_known or self._synced()
        return self._clock_known

    def _read(self) -> None:
        self._file_stamp, self._stored, self._unstored_since = _stamp(self._file), None, None
        try:
            word = self._file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            word = "on" if self._file.is_symlink() else self._settings.start
        except (OSError, UnicodeDecodeError) as error:
            log.warning("%s: cannot be read (%s): privacy stays on", self._file, error)
            word = "on"
        else:
            self._stored = {"on": True, "off": False}.get(word)
        if word not in ("on", "off", ""):
            log.warning("%s: holds neither on nor off: privacy stays on", self._file)
        self._switch = word != "off"
        self._read_marker()

    def _read_marker(self) -> None:
        """One that vanished changes nothing: only OFF in the file itself, written anew, ends what it stood for."""
        self._marker_stamp = _stamp(self._marker)
        self._kept_until_boot = self._is_marked()
        if self._kept_until_boot and not self._stored:
            self._switch = True
            if self._unstored_since is None:
                self._unstored_since = self._clock.monotonic()

    def _is_marked(self) -> bool:
        """Whether the runtime folder keeps an ON that the disk refused."""
        if not self._ours(self._marker.parent):
            return False
        try:
            self._marker.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def _make_runtime_folder(self) -> None:
        folder = self._marker.parent
        if not folder.exists():
            make_folder(folder)
            owner = folder_owner(self._file.parent)
            if owner is not None:
                os.chown(folder, *owner)
        if not self._ours(folder):
            raise PermissionError(errno.EPERM, "the folder belongs to another user")

    def _ours(self, folder: Path) -> bool:
        """False for a folder that strangers have made, as anybody can in /tmp: it says nothing."""
        owners = {0, os.geteuid()}
        with contextlib.suppress(OSError):
            owners.add(self._file.parent.stat().st_uid)
        try:
            status = folder.lstat()
        except OSError:
            return False
        return stat.S_ISDIR(status.st_mode) and status.st_uid in owners


def may_ask(state: Path) -> bool:
    """Whether we may look into this state folder; whoever may not cannot know whether privacy is on."""
    folder = state
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder != state or os.access(state, os.R_OK | os.X_OK)


def in_quiet_hours(periods: Sequence[DailyPeriod], minutes: int) -> bool:
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


_Stamp = tuple[int, int, int] | None


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _write(file: Path, word: str) -> None:
    write_atomically(file, word + "\n", owner=folder_owner(file.parent))


def _emptied(file: Path) -> bool:
    """Take the content of a file where it lies. Never of a link: root must not be led to another file."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError:
        return False
    try:
        status, folder = os.fstat(descriptor), file.parent.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return False
        if os.geteuid() == 0:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)  # it may be new
        os.ftruncate(descriptor, 0)
        os.fsync(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    sync_folder(file.parent)
    return True
