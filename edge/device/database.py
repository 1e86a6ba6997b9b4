"""The files of an SQLite database: readable by their owner alone, and gone with their journals."""

from __future__ import annotations

import os
from pathlib import Path

from edge.device.files import folder_owner
from edge.errors import StorageError


def remove(path: Path) -> None:
    """Deletes the file and its journal; what cannot be deleted is emptied, else StorageError."""
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            each.unlink(missing_ok=True)
        except OSError:
            if not os.path.lexists(each):  # on a read-only disk deleting what is not there is refused too
                continue
            try:
                os.truncate(each, 0)
            except OSError as error:
                raise StorageError(f"{each}: cannot be deleted: {error.strerror}; delete it by hand") from None


def make_private(path: Path) -> None:
    """An empty file if there is none, readable by its owner alone; what root makes belongs to the service's user."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        owner = folder_owner(path.parent)
        if owner is not None and os.fstat(descriptor).st_nlink == 1:
            os.fchown(descriptor, *owner)
    finally:
        os.close(descriptor)
