"""Certificates for tests, made by openssl: good ones and every kind that must be refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.broker import Broker

Guard = Callable[..., Broker]  # the fixture `guarded`

_CA = """
[ca]
default_ca = ours
[ours]
dir = .
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""
_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "ca.cnf").write_text(_CA)
        (self.folder / "index").touch()
        (self.folder / "serial").write_text("01\n")
        self._run("req", "-x509", *_EC, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority")

    @property
    def file(self) -> str:
        return str(self.folder / "ca.pem")

    def issue(
        self, name: str, subject: str = "IP:127.0.0.1", begins: str = "20200101000000Z", ends: str = "20990101000000Z"
    ) -> tuple[str, str]:
        """Paths of a certificate and its key; `subject` is its subjectAltName."""
        self._run("req", *_EC, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.folder / "extensions").write_text(f"subjectAltName={subject}\n")
        self._run(
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in",
            f"{name}.csr", "-out", f"{name}.pem", "-extfile", "extensions", "-startdate", begins, "-enddate", ends,
        )  # fmt: skip
        return self._pair(name)

    def self_signed(self, name: str, subject: str = "IP:127.0.0.1") -> tuple[str, str]:
        """A certificate that nobody but itself vouches for."""
        self._run("req", "-x509", *_EC, "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                  "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}")  # fmt: skip
        return self._pair(name)

    def _pair(self, name: str) -> tuple[str, str]:
        return str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")

    def _run(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
