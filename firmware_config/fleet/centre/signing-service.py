#!/usr/bin/env python3
"""A small signing service for a fleet's certificates, on openssl and Python's standard library. For some thousands of
devices; who has an authority already, such as step-ca, lets that one answer the two requests below.

    signing-service.py --folder F init --host fleet.example     authority, and a certificate for this service
    signing-service.py --folder F token door-1                  a token for one device, good once and for a day
    signing-service.py --folder F revoke door-1                 all its certificates; writes F/crl.pem for the brokers
    signing-service.py --folder F serve --port 8490             POST /enroll and /renew, over TLS

The name in a certificate is the one the token was made for, whatever the request says; a renewal keeps it. Keep
F/ca.key safe: who has it can be any device. Brokers read F/ca.pem, and F/crl.pem (`crlfile`) after a restart.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
TOKEN_S = 86_400
MAX_BYTES = 16_000
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
CONFIG = """
[ca]
default_ca = ours
[ours]
database = index
serial = serial
crlnumber = crlnumber
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_crl_days = 365
policy = any
unique_subject = no
[any]
commonName = supplied
[device]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
[req]
distinguished_name = empty
[empty]
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


class Refused(Exception):
    """Why a request is not granted; it goes to the device as it is."""


class Authority:
    """The folder with the authority's key, what it issued, and the tokens."""

    def __init__(self, folder: Path, days: float = 90.0) -> None:
        self.folder = folder
        self.days = days

    def make(self, host: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (self.folder / "ca.key").exists():
            raise SystemExit(f"{self.folder}: there is an authority already")
        (self.folder / "issued").mkdir()
        (self.folder / "ca.cnf").write_text(CONFIG)
        for name, text in (("index", ""), ("serial", "1000\n"), ("crlnumber", "01\n"), ("tokens.json", "{}")):
            (self.folder / name).write_text(text)
        self.openssl(
            "req", "-x509", *EC, "-days", "3650", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Fleet authority",
            "-config", "ca.cnf", "-extensions", "authority",
        )  # fmt: skip
        kind = "IP" if re.fullmatch(r"[0-9.]+|.*:.*", host) else "DNS"
        self.openssl("req", *EC, "-new", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=signing-service")
        extensions = self.folder / "server.ext"
        extensions.write_text(f"subjectAltName={kind}:{host}\nextendedKeyUsage=serverAuth\n")
        self.openssl(
            "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "1",
            "-days", "825", "-out", "server.pem", "-extfile", "server.ext",
        )  # fmt: skip
        self.revoke_list()

    def token(self, name: str) -> str:
        """A token; only its hash is kept."""
        _checked(name)
        token = secrets.token_urlsafe(24)
        with self._tokens() as tokens:
            tokens[_hash(token)] = {"name": name, "until": time.time() + TOKEN_S}
        return token

    def name_for(self, token: str) -> str:
        """Whom a token was made for; it is used up with it."""
        with self._tokens() as tokens:
            for hashed in [each for each, entry in tokens.items() if entry["until"] < time.time()]:
                del tokens[hashed]
            found = next((each for each in tokens if hmac.compare_digest(each, _hash(token))), None)
            if found is None:
                raise Refused("the token is not known, used up or older than a day; ask the fleet's owner for another")
            return str(tokens.pop(found)["name"])

    def issue(self, request: str, name: str) -> str:
        """A certificate for `name` with the key of the request; nothing else of the request counts."""
        with self._alone(), tempfile.TemporaryDirectory(dir=self.folder) as folder:
            (Path(folder) / "request").write_text(request)
            ends = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + self.days * 86_400))
            begins = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - 300))  # clocks differ
            try:
                self.openssl(
                    "ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", "device", "-subj", f"/CN={name}",
                    "-in", f"{folder}/request", "-out", f"{folder}/certificate", "-startdate", begins, "-enddate", ends,
                )  # fmt: skip
            except RuntimeError:
                raise Refused("the request for a certificate cannot be used") from None
            return (Path(folder) / "certificate").read_text()

    def is_good(self, serial: str) -> bool:
        """Whether the certificate with that number was issued here and not revoked."""
        lines = (line.split("\t") for line in (self.folder / "index").read_text().splitlines())
        return any(fields[0] == "V" and int(fields[3], 16) == int(serial, 16) for fields in lines)

    def revoke(self, name: str) -> int:
        """All certificates of a name; how many there were."""
        with self._alone():
            lines = [line.split("\t") for line in (self.folder / "index").read_text().splitlines()]
            numbers = [fields[3] for fields in lines if fields[0] == "V" and fields[5] == f"/CN={_checked(name)}"]
            for number in numbers:
                self.openssl("ca", "-config", "ca.cnf", "-revoke", f"issued/{number}.pem")
        self.revoke_list()
        return len(numbers)

    def revoke_list(self) -> None:
        with self._alone():
            self.openssl("ca", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem")

    def openssl(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    @contextmanager
    def _alone(self):
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _tokens(self):
        with self._alone():
            path = self.folder / "tokens.json"
            tokens = json.loads(path.read_text())
            try:
                yield tokens
            finally:
                fresh = path.with_suffix(".new")
                fresh.write_text(json.dumps(tokens))
                fresh.chmod(0o600)
                fresh.replace(path)


class Server(socketserver.ThreadingMixIn, HTTPServer):
    """TLS is spoken in each connection's own thread, so that a slow visitor keeps nobody else waiting."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], authority: Authority, broker: tuple[str, int | None]) -> None:
        self.authority = authority
        self.broker = broker
        self.room = threading.BoundedSemaphore(16)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
        self.context.load_verify_locations(authority.folder / "ca.pem")
        self.context.verify_mode = ssl.CERT_OPTIONAL
        super().__init__(address, Handler)

    def process_request_thread(self, request, client_address) -> None:
        request.settimeout(15.0)
        with self.room:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                self.shutdown_request(request)
                return
            super().process_request_thread(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request a connection."""

    server: Server

    def do_POST(self) -> None:
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 < length <= MAX_BYTES:
                raise Refused("the request is too large")
            asked = json.loads(self.rfile.read(length))
            name = self._name(asked)
            certificate = self.server.authority.issue(str(asked["request"]), name)
        except Refused as refused:
            self._answer(403, {"error": str(refused)})
        except (ValueError, KeyError, TypeError, OSError):
            self._answer(400, {"error": "the request cannot be read"})
        else:
            host, port = self.server.broker
            ca = (self.server.authority.folder / "ca.pem").read_text()
            self._answer(200, {"certificate": certificate, "ca": ca, "host": host, "port": port})

    def _name(self, asked: dict[str, object]) -> str:
        if self.path == "/enroll":
            return self.server.authority.name_for(str(asked["token"]))
        if self.path != "/renew":
            raise Refused("there is nothing here but /enroll and /renew")
        shown = self.connection.getpeercert()
        if not shown:
            raise Refused("a renewal needs the present certificate; enroll with a token")
        if not self.server.authority.is_good(str(shown["serialNumber"])):
            raise Refused("this device's certificate is revoked; ask the fleet's owner")
        return next(value for part in shown["subject"] for key, value in part if key == "commonName")

    def _answer(self, status: int, document: dict[str, object]) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, layout: str, *words: object) -> None:
        sys.stderr.write(f"{self.client_address[0]} {layout % words}\n")


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise SystemExit(f"{name}: names are letters, digits, '_', '.' and '-'")
    return name


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def main() -> None:
    os.umask(0o077)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("init").add_argument("--host", required=True, help="under which devices reach this service")
    parts.add_parser("token").add_argument("name")
    parts.add_parser("revoke").add_argument("name")
    serve = parts.add_parser("serve")
    serve.add_argument("--listen", default="0.0.0.0")  # noqa: S104 - devices come from elsewhere
    serve.add_argument("--port", type=int, default=8490)
    serve.add_argument("--days", type=float, default=90.0, help="how long certificates are good")
    serve.add_argument("--broker", default="", metavar="HOST[:PORT]", help="told to devices that enroll")
    given = parser.parse_args()
    authority = Authority(given.folder.absolute(), getattr(given, "days", 90.0))
    if given.part == "init":
        authority.make(given.host)
        print(f"{authority.folder}/ca.pem is what brokers and devices trust")
    elif given.part == "token":
        print(authority.token(given.name))
    elif given.part == "revoke":
        print(f"{authority.revoke(given.name)} certificates revoked; give {authority.folder}/crl.pem to the brokers")
    else:
        host, _, port = given.broker.partition(":")
        server = Server((given.listen, given.port), authority, (host, int(port) if port else None))
        print(f"serving on port {server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
