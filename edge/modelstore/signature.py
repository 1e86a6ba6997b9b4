"""Whether a manifest was signed by somebody whom the owner trusts: OpenSSH's signatures, checked by ssh-keygen.

OpenSSH is on every Debian, its owner has a key already, and a new dependency would be one more thing to trust.
"""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path

from edge.errors import ModelError

NAMESPACE = "emotion-edge-model"  # what was signed for another purpose does not count
_TIMEOUT_S = 20.0


def signer(content: bytes, signature: bytes, signers: Path) -> str:
    """Who signed it, of those in the file `signers` (man ssh-keygen, ALLOWED SIGNERS); ModelError if nobody of them."""
    _guarded(signers)
    with tempfile.NamedTemporaryFile(suffix=".sig") as file:
        file.write(signature)
        file.flush()
        names = _ssh_keygen(["find-principals", "-s", file.name, "-f", str(signers)], b"")
        for name in (names or "").splitlines():
            words = ["verify", "-n", NAMESPACE, "-s", file.name, "-f", str(signers), "-I", name]
            if _ssh_keygen(words, content) is not None:
                return name
    if names:
        raise ModelError(f"the signature is wrong: the manifest was altered, or signed for something else ({names})")
    raise ModelError(f"the signature is not by anybody in {signers}")


def _guarded(signers: Path) -> None:
    try:
        status = signers.stat()
    except OSError as error:
        raise ModelError(f"{signers}: cannot be read: {error.strerror}; it lists whose models you trust") from None
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise ModelError(
            f"{signers}: other users may change it; protect it with `chmod 644 {signers}` and `chown root`"
        )


def _ssh_keygen(words: list[str], content: bytes) -> str | None:
    """What it says, or None if it says no."""
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", *words], input=content, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise ModelError("ssh-keygen is needed to check signatures: apt install openssh-client") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"ssh-keygen cannot be asked: {error}") from None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
