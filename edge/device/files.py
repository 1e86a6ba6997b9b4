"""Writing a small file so that after a power cut it holds the old content or the new one, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from pathlib import Path

_LEFT_S = 60.0
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # some file systems cannot do it, others forbid the open


def write_atomically(
    path: Path, content: str | bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None
) -> None:
    """Replace `path` in one step, durably; never readable by more than `mode`, not even for a moment.

    `owner` is (user, group), see `folder_owner`. A missing folder is made (0700); a link in the place of the file is
    replaced and not followed, so that whoever may write in the folder cannot lead root elsewhere. OSError if it fails,
    and then nothing has changed.
    """
    make_folder(path.parent)
    _remove_leftovers(path)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")  # two writers never share one
    try:
        write_new(fresh, content, mode=mode, owner=owner)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    sync_folder(path.parent)


def write_new(path: Path, content: str | bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Write a file that must not exist yet and wait until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        if owner is not None:
            os.fchown(out.fileno(), *owner)
        os.fchmod(out.fileno(), mode)  # whatever the umask is
        out.write(content.encode("utf-8") if isinstance(content, str) else content)
        out.flush()
        os.fsync(out.fileno())


def folder_owner(folder: Path) -> tuple[int, int] | None:
    """Who shall own what root writes there: the folder's owner, who must be able to read it. None for anybody else."""
    if os.geteuid() != 0:
        return None
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    status = folder.stat()
    return status.st_uid, status.st_gid


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make what is missing of the way to `folder`, durably. A folder that exists stays as it is."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=mode, exist_ok=True)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_FOLDER_SYNC:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _remove_leftovers(path: Path) -> None:
    """Remove what a power cut left of earlier writes; what is younger than a minute may be another process's."""
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            ours = entry.name.startswith(f".{path.name}.") and entry.name.endswith(".new")
            if ours and time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_S:
                Path(entry.path).unlink()
