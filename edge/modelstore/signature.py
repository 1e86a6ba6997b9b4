"""Whether something was signed by somebody whom the owner trusts: OpenSSH's signatures, made and checked by ssh-keygen.

OpenSSH is on every Debian, its owner has a key already, and a new dependency would be one more thing to trust.
"""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from edge.errors import SignatureError
from edge.printable import printable

NAMESPACE = "emotion-edge-model"  # what was signed for another purpose does not count
TIMEOUT_S = 120.0  # a package of 200 MB from a slow card


def signer(
    content: bytes | IO[bytes],
    signature: bytes,
    signers: Path,
    namespace: str = NAMESPACE,
    *,
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Who signed it, of those in the file `signers` (man ssh-keygen, ALLOWED SIGNERS); SignatureError if nobody.

    An open file is read from its beginning.
    """
    _guarded(signers)
    with _kept(signature) as file:
        names = _ssh_keygen(["find-principals", "-s", file.name, "-f", str(signers)], b"", timeout_s)
        for name in (names or "").splitlines():
            words = ["verify", "-n", namespace, "-s", file.name, "-f", str(signers), "-I", name]
            if _ssh_keygen(words, content, timeout_s) is not None:
                return name
    if names:
        raise SignatureError(
            f"the signature is wrong: what was signed has been altered, or was signed for something else ({names})"
        )
    raise SignatureError(f"the signature is not by anybody in {signers}")


@contextmanager
def _kept(signature: bytes) -> Iterator[IO[bytes]]:
    try:
        with tempfile.NamedTemporaryFile(suffix=".sig") as file:
            file.write(signature)
            file.flush()
            yield file
    except OSError as error:
        raise SignatureError(f"the signature cannot be checked: {error.strerror}") from None


def sign(content: bytes, key: Path, namespace: str) -> bytes:
    """A signature by the key in that file, whose passphrase ssh-keygen asks for; SignatureError if there is none."""
    done = _run(["sign", "-q", "-n", namespace, "-f", str(key)], content, None)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise SignatureError(f"{key}: cannot sign: {printable(said[-1]) if said else f'status {done.returncode}'}")
    return done.stdout


def _guarded(signers: Path) -> None:
    try:
        status = signers.stat()
    except OSError as error:
        raise SignatureError(
            f"{signers}: cannot be read: {error.strerror}; it lists whose signatures you trust"
        ) from None
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise SignatureError(
            f"{signers}: other users may change it; protect it with `chmod 644 {signers}` and `chown root`"
        )


def _ssh_keygen(words: list[str], content: bytes | IO[bytes], timeout_s: float) -> str | None:
    """What it says, or None if it says no."""
    done = _run(words, content, timeout_s)
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def _run(words: list[str], content: bytes | IO[bytes], timeout_s: float | None) -> subprocess.CompletedProcess[bytes]:
    given: dict[str, Any] = {"input": content}
    if not isinstance(content, bytes):
        content.seek(0)
        given = {"stdin": content}
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", *words], capture_output=True, timeout=timeout_s, check=False, **given
        )
    except FileNotFoundError:
        raise SignatureError("ssh-keygen is needed for signatures: apt install openssh-client") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SignatureError(f"ssh-keygen cannot be asked: {error}") from None
