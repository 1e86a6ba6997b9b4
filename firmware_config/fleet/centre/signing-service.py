#!/usr/bin/env python3
"""A small signing service for a fleet's certificates, on openssl and Python's standard library. For some thousands of
devices; who has an authority already, such as step-ca, lets that one answer the two requests below.

    signing-service.py --folder F init --host fleet.example     authority, and a certificate for this service
    signing-service.py --folder F server broker.example         a certificate for a broker, and its key
    signing-service.py --folder F token door-1                  a token for one device, good once and for a day
    signing-service.py --folder F revoke door-1                 all its certificates; writes F/crl.pem for the brokers
    signing-service.py --folder F serve --port 8490             POST /enroll and /renew, over TLS
    signing-service.py --folder F listen broker.example:8883    the same over a broker (needs paho-mqtt 2)

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
NAME_AT_BROKER = "signing-service"
MAX_BYTES = 16_000
OURS = ("-no-CApath", "-no-CAstore", "-CAfile", "ca.pem")  # our authority and no other
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
# As long as the authority: brokers that hold an older one than this let nobody in.
default_crl_days = 3650
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
        self.issue_server("server", host, NAME_AT_BROKER)
        self.revoke_list()

    def issue_server(self, stem: str, host: str, name: str) -> None:
        """A certificate and key for a server that is reached as `host`, in F/stem.pem and F/stem.key."""
        kind = "IP" if re.fullmatch(r"[0-9.]+|.*:.*", host) else "DNS"
        number = str(1 + int.from_bytes(secrets.token_bytes(7), "big"))
        with self._alone(), tempfile.TemporaryDirectory(dir=self.folder) as folder:
            extensions = Path(folder) / "extensions"
            extensions.write_text(f"subjectAltName={kind}:{host}\nextendedKeyUsage=serverAuth,clientAuth\n")
            request = f"{folder}/request"
            self.openssl("req", *EC, "-new", "-keyout", f"{stem}.key", "-out", request, "-subj", f"/CN={name}")
            self.openssl(
                "x509", "-req", "-in", request, "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", number,
                "-days", "825", "-out", f"{stem}.pem", "-extfile", str(extensions),
            )  # fmt: skip

    def token(self, name: str) -> str:
        """A token; only its hash is kept."""
        _checked(name)
        token = secrets.token_hex(24)  # none that begins with "-", which a command line takes for an option
        with self._tokens() as tokens:
            tokens[_hash(token)] = {"name": name, "until": time.time() + TOKEN_S}
        return token

    def name_for(self, token: str) -> str:
        """Whom a token was made for; it is used up with it."""
        return self._use(lambda hashed: hmac.compare_digest(hashed, _hash(token)))[0]

    def name_for_seal(self, request: str, seal: str) -> tuple[str, str]:
        """The same of a token that sealed a request; and its hash, to seal the answer with."""
        return self._use(lambda hashed: hmac.compare_digest(seal, sealed(hashed, "request", request)))

    def _use(self, fits) -> tuple[str, str]:
        with self._tokens() as tokens:
            for hashed in [each for each, entry in tokens.items() if entry["until"] < time.time()]:
                del tokens[hashed]
            found = next((each for each in tokens if fits(each)), None)
            if found is None:
                raise Refused("the token is not known, used up or older than a day; ask the fleet's owner for another")
            return str(tokens.pop(found)["name"]), found

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

    def answer(self, certificate: str, broker: tuple[str, int | None]) -> dict[str, object]:
        """What a device is sent."""
        ca = (self.folder / "ca.pem").read_text()
        return {"certificate": certificate, "ca": ca, "host": broker[0], "port": broker[1]}

    def name_of(self, serial: str) -> str:
        """Whose certificate has that number; it was issued here and not revoked."""
        for line in (self.folder / "index").read_text().splitlines():
            fields = line.split("\t")
            if fields[0] == "V" and int(fields[3], 16) == int(serial, 16):
                return fields[5].removeprefix("/CN=")
        raise Refused("this device's certificate is revoked; ask the fleet's owner")

    def opened(self, renewal: str) -> tuple[str, str]:
        """The request in a CMS message, and whose certificate signed it, which must be good."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            (Path(folder) / "renewal").write_text(renewal)
            try:
                words = ("-in", f"{folder}/renewal", "-signer", f"{folder}/signer", "-out", f"{folder}/request")
                self.openssl("cms", "-verify", "-binary", "-inform", "PEM", *OURS, "-purpose", "any", *words)
                serial = self.openssl("x509", "-noout", "-serial", "-in", f"{folder}/signer").strip().partition("=")[2]
            except RuntimeError:
                raise Refused("a renewal needs a certificate that is good; enroll with a token") from None
            return (Path(folder) / "request").read_text(), self.name_of(serial)

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

    def openssl(self, *words: str) -> str:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

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
        except (ValueError, KeyError, TypeError, OSError, RuntimeError):
            self._answer(400, {"error": "the request cannot be read"})
        else:
            self._answer(200, self.server.authority.answer(certificate, self.server.broker))

    def _name(self, asked: dict[str, object]) -> str:
        if self.path == "/enroll":
            return self.server.authority.name_for(str(asked["token"]))
        if self.path != "/renew":
            raise Refused("there is nothing here but /enroll and /renew")
        shown = self.connection.getpeercert()
        if not shown:
            raise Refused("a renewal needs the present certificate; enroll with a token")
        return self.server.authority.name_of(str(shown["serialNumber"]))

    def _answer(self, status: int, document: dict[str, object]) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, layout: str, *words: object) -> None:
        sys.stderr.write(f"{self.client_address[0]} {layout % words}\n")


class Listener:
    """The same two requests as messages: enroll/ID/request, answered on enroll/ID/answer. No token crosses the broker;
    it seals the request, and its answer. A renewal is signed with the present certificate's key."""

    def __init__(self, authority: Authority, broker: tuple[str, int | None]) -> None:
        self.authority = authority
        self.broker = broker

    def run(self, host: str, port: int, ca_file: str, user: str, password: str) -> None:
        """Until it is ended. The broker knows us by our certificate, "signing-service", or as `user`."""
        import paho.mqtt.client as paho

        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=NAME_AT_BROKER, protocol=paho.MQTTv5)
        context = ssl.create_default_context(cafile=ca_file or str(self.authority.folder / "ca.pem"))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # home-made authorities rarely have all extensions
        if user:
            client.username_pw_set(user, password)
        else:
            context.load_cert_chain(self.authority.folder / "server.pem", self.authority.folder / "server.key")
        client.tls_set_context(context)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._received
        client.connect_async(host, port)
        client.loop_forever(retry_first_connection=True)

    def _connected(self, client, _data, _flags, reason, _properties) -> None:
        if reason.is_failure:
            print(f"the broker refuses us: {reason}", file=sys.stderr)
        else:
            client.subscribe("enroll/+/request", 1)

    def _subscribed(self, _client, _data, _number, reasons, _properties) -> None:
        if reasons[0].is_failure:
            print("the broker does not let us read enroll/+/request", file=sys.stderr)
        else:
            print("listening", flush=True)

    def _received(self, client, _data, message) -> None:
        if not message.retain:  # or nobody waits for an answer
            answer = json.dumps(self.answer(message.payload))
            client.publish(message.topic.removesuffix("request") + "answer", answer, 1)

    def answer(self, payload: bytes) -> dict[str, object]:
        """To a request, as it came."""
        try:
            if len(payload) > MAX_BYTES:
                raise Refused("the request is too large")
            asked = json.loads(payload)
            if "renewal" in asked:
                request, name = self.authority.opened(str(asked["renewal"]))
                return {"v": 1, "answer": self._issued(request, name)}
            request = str(asked["request"])
            name, hashed = self.authority.name_for_seal(request, str(asked["seal"]))
            text = self._issued(request, name)
            return {"v": 1, "answer": text, "seal": sealed(hashed, "answer", request, text)}
        except Refused as refused:
            return {"v": 1, "error": str(refused)}
        except (ValueError, KeyError, TypeError, OSError, RuntimeError):
            return {"v": 1, "error": "the request cannot be read"}

    def _issued(self, request: str, name: str) -> str:
        return json.dumps(self.authority.answer(self.authority.issue(request, name), self.broker))


def sealed(key: str, *parts: str) -> str:
    """What only who has the token, or its hash, can make of these parts."""
    return hmac.new(key.encode(), "\0".join(parts).encode(), "sha256").hexdigest()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise SystemExit(f"{name}: names are letters, digits, '_', '.' and '-'")
    return name


def _address(text: str) -> tuple[str, int | None]:
    host, _, port = text.partition(":")
    return host, int(port) if port else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def main() -> None:
    os.umask(0o077)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("init").add_argument("--host", required=True, help="under which devices reach this service")
    parts.add_parser("server").add_argument("host", help="under which devices reach it")
    parts.add_parser("token").add_argument("name")
    parts.add_parser("revoke").add_argument("name")
    serve = parts.add_parser("serve")
    serve.add_argument("--listen", default="0.0.0.0")  # noqa: S104 - devices come from elsewhere
    serve.add_argument("--port", type=int, default=8490)
    listen = parts.add_parser("listen")
    listen.add_argument("at", metavar="HOST[:PORT]", help="the broker, with TLS")
    listen.add_argument("--ca-file", default="", metavar="F", help="the authority of its certificate (default: ours)")
    listen.add_argument("--username", default="", metavar="U", help="where it does not know us by our certificate")
    listen.add_argument("--password-file", type=Path, metavar="F")
    for part in (serve, listen):
        part.add_argument("--days", type=float, default=90.0, help="how long certificates are good")
        part.add_argument("--broker", default="", metavar="HOST[:PORT]", help="told to devices that enroll")
    given = parser.parse_args()
    authority = Authority(given.folder.absolute(), getattr(given, "days", 90.0))
    if given.part == "init":
        authority.make(given.host)
        print(f"{authority.folder}/ca.pem is what brokers and devices trust")
    elif given.part == "server":
        authority.issue_server(_checked(given.host), given.host, given.host)
        print(f"{authority.folder}/{given.host}.pem and .key, for 825 days")
    elif given.part == "token":
        print(authority.token(given.name))
    elif given.part == "revoke":
        print(f"{authority.revoke(given.name)} certificates revoked; give {authority.folder}/crl.pem to the brokers")
    elif given.part == "listen":
        host, port = _address(given.at)
        password = given.password_file.read_text().strip() if given.password_file else ""
        Listener(authority, _address(given.broker)).run(host, port or 8883, given.ca_file, given.username, password)
    else:
        server = Server((given.listen, given.port), authority, _address(given.broker))
        print(f"serving on port {server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
