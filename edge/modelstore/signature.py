"""Whether a file was signed by somebody whom the owner trusts: OpenSSH's signatures, checked by ssh-keygen.

OpenSSH is on every Debian, its owner has a key already, and a new dependency would be one more thing to trust.
"""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

from edge.errors import ModelError

NAMESPACE = "emotion-edge-model"  # what was signed for another purpose does not count
_TIMEOUT_S = 120.0  # a package of 200 MB from a slow card


def signer(content: bytes | IO[bytes], signature: bytes, signers: Path, namespace: str = NAMESPACE) -> str:
    """Who signed it, of those in the file `signers` (man ssh-keygen, ALLOWED SIGNERS); ModelError if nobody of them.

    An open file is read from its beginning.
    """
    _guarded(signers)
    with tempfile.NamedTemporaryFile(suffix=".sig") as file:
        file.write(signature)
        file.flush()
        names = _ssh_keygen(["find-principals", "-s", file.name, "-f", str(signers)], b"")
        for name in (names or "").splitlines():
            words = ["verify", "-n", namespace, "-s", file.name, "-f", str(signers), "-I", name]
            if _ssh_keygen(words, content) is not None:
                return name
    if names:
        raise ModelError(
            f"the signature is wrong: what was signed has been altered, or was signed for something else ({names})"
        )
    raise ModelError(f"the signature is not by anybody in {signers}")


def _guarded(signers: Path) -> None:
    try:
        status = signers.stat()
    except OSError as error:
        raise ModelError(f"{signers}: cannot be read: {error.strerror}; it lists whose signatures you trust") from None
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise ModelError(
            f"{signers}: other users may change it; protect it with `chmod 644 {signers}` and `chown root`"
        )


def _ssh_keygen(words: list[str], content: bytes | IO[bytes]) -> str | None:
    """What it says, or None if it says no."""
    given: dict[str, Any] = {"input": content}
    if not isinstance(content, bytes):
        content.seek(0)
        given = {"stdin": content}
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", *words], capture_output=True, timeout=_TIMEOUT_S, check=False, **given
        )
    except FileNotFoundError:
        raise ModelError("ssh-keygen is needed to check signatures: apt install openssh-client") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"ssh-keygen cannot be asked: {error}") from None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
