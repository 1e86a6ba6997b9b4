"""The page's password: never kept itself, only what scrypt makes of it, in a file that nobody else may read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
from pathlib import Path

from edge.device.files import folder_owner, write_atomically
from edge.errors import StorageError

log = logging.getLogger(__name__)

MIN_LENGTH = 8
MAX_LENGTH = 200  # bytes
_N, _R, _P = 2**14, 8, 1  # 16 MB and some 50 ms each: dear to guess, bearable on a Pi
_SALT = 16


def file_in(state: Path) -> Path:
    """Where it is kept."""
    return state / "dashboard-password"


def store(file: Path, password: str) -> None:
    """Set the password; whoever is signed in is signed out. StorageError when it cannot be kept."""
    salt = os.urandom(_SALT)
    line = "$".join(("scrypt", str(_N), str(_R), str(_P), _text(salt), _text(_hash(password, salt, _N, _R, _P))))
    try:
        write_atomically(file, line + "\n", owner=folder_owner(file.parent))  # root writes it, the service reads it
    except OSError as error:
        raise StorageError(f"{file}: the password cannot be kept: {error.strerror}") from None


def remove(file: Path) -> None:
    """Forget the password."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{file}: cannot be removed: {error.strerror}") from None


class Password:
    """The stored password as it is now: another process may set it while we run. Fails closed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: object = None
        self._line: str | None = None
        self.version = 0  # counts up whenever it changes
        self.refresh()

    @property
    def is_set(self) -> bool:
        """Whether one is needed. A file that cannot be read is a password that nobody knows."""
        return self._line is not None

    def refresh(self) -> None:
        """Look at the file again."""
        try:
            status = self._file.stat()
            stamp: object = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            stamp = None
        except OSError as error:
            stamp = str(error)
        if stamp == self._stamp and self.version:
            return
        self._stamp = stamp
        self.version += 1
        try:
            self._line = None if stamp is None else self._file.read_text("ascii").strip()
        except FileNotFoundError:
            self._line = None
        except (OSError, UnicodeDecodeError) as error:
            log.error("%s: cannot be read (%s): nobody can sign in; set it anew with emotion-edge passwd", self._file,
                      error)  # fmt: skip
            self._line = ""

    def matches(self, password: str) -> bool:
        """Slow on purpose. False for anything that is not exactly the password."""
        try:
            name, n, r, p, salt, known = (self._line or "").split("$")
            if name != "scrypt" or len(password.encode()) > MAX_LENGTH:
                return False
            made = _hash(password, base64.b64decode(salt), int(n), int(r), int(p))
            return hmac.compare_digest(made, base64.b64decode(known))
        except (ValueError, OverflowError):
            return False


def _hash(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=64 * 1024 * 1024, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
