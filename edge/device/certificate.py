"""The device's own certificate: how long it is good for, and a key with a request for a new one, made here by openssl.

The key is made on the device and never leaves it. openssl is on every Debian; the service itself does not need it.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge.errors import EdgeError

RENEW_SHARE = 1 / 3  # renewed when less than this share of its life is left
_TIMES = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # UTCTime, GeneralizedTime


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate is good, in seconds since the epoch."""

    begins: float
    ends: float

    def due(self, now: float) -> bool:
        """Whether it is time for a new one."""
        return self.ends - now < RENEW_SHARE * (self.ends - self.begins)


def validity(pem: str) -> Validity:
    """Of the first certificate in `pem`; EdgeError if there is none."""
    end = pem.find(ssl.PEM_FOOTER)
    try:
        der = ssl.PEM_cert_to_DER_cert(pem[: end + len(ssl.PEM_FOOTER)][pem.index(ssl.PEM_HEADER) :])
        begins, ends = _times(der)
    except (ValueError, IndexError):
        raise EdgeError("no certificate in PEM form") from None
    return Validity(begins, ends)


def _times(der: bytes) -> tuple[float, float]:
    """notBefore and notAfter. Certificate and what is signed are sequences; in the latter the fifth field, or the
    fourth where no version is written, is a sequence of two times."""
    _, signed, _ = _part(der, _part(der, 0)[1])
    fields: list[tuple[int, int]] = []
    while len(fields) < 5:
        tag, content, signed_next = _part(der, signed)
        fields.append((tag, content))
        signed = signed_next
    at = fields[4 if fields[0][0] == 0xA0 else 3][1]
    first_tag, first, second_at = _part(der, at)
    second_tag, second, end = _part(der, second_at)
    return _time(first_tag, der[first:second_at]), _time(second_tag, der[second:end])


def _part(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, where the content begins, and where the next part does."""
    tag, length, begins = der[at], der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[begins : begins + count], "big")
        begins += count
    if begins + length > len(der):
        raise ValueError
    return tag, begins, begins + length


def _time(tag: int, content: bytes) -> float:
    return datetime.strptime(content.decode("ascii"), _TIMES.get(tag, "none")).replace(tzinfo=timezone.utc).timestamp()


def new_request(name: str) -> tuple[str, str]:
    """A new key and a request to certify it for `name`, both as PEM."""
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
        key = Path(folder) / "key"
        words = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key)]
        done = _openssl([*words, "-subj", f"/CN={name}"])
        if done.returncode != 0:
            raise EdgeError(f"openssl cannot make a key: {_last_line(done)}")
        return key.read_text("ascii"), done.stdout


def signed(request: str, certificate: Path, key: Path) -> str:
    """`request` with a signature by `key` and its certificate, as a CMS message in PEM form."""
    who = ["-signer", str(certificate), "-inkey", str(key), "-passin", "pass:"]
    done = _openssl(["cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "PEM", *who], request)
    if done.returncode != 0:
        raise EdgeError(f"{certificate} and {key}: openssl cannot sign with them: {_last_line(done)}")
    return done.stdout


def is_of(certificate: str, ca_file: str) -> bool:
    """Whether an authority in `ca_file` vouches for the first certificate, now; those behind it may stand between."""
    with _private(certificate) as file:
        words = ["-no-CApath", "-no-CAstore", "-CAfile", ca_file, "-untrusted", str(file), str(file)]
        return _openssl(["verify", *words]).returncode == 0


def has_key(certificate: str, key: str) -> bool:
    """Whether the certificate is for that key."""
    with _private(f"{certificate.rstrip()}\n{key}") as both:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(both, password="")
        except (OSError, ValueError):
            return False
    return True


@contextmanager
def _private(text: str) -> Iterator[Path]:
    """A file with that text, for as long as it is needed."""
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
        file = Path(folder) / "file"
        file.write_text(text, "utf-8")
        yield file


def _openssl(words: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["openssl", *words], input=given, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise EdgeError("openssl is needed for this device's key: apt install openssl") from None


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["no reason"])[-1]


def _in_memory() -> str | None:
    """Where a key may lie for a moment without reaching the disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
