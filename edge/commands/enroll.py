"""`emotion-edge enroll`: a certificate of this device's own, from the fleet's signing service; and its renewal."""

from __future__ import annotations

import argparse
import grp
import os
import pwd
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from edge.commands import common
from edge.commands.broker import remedies, split_broker
from edge.config.edit import with_values
from edge.config.files import read_toml
from edge.config.load import load
from edge.config.schema import MqttConfig
from edge.config.secrets import password_in
from edge.device import paths
from edge.device.certificate import new_request, validity
from edge.device.files import write_atomically
from edge.device.identity import device_name, machine_id
from edge.device.service_user import SERVICE_USER
from edge.errors import ConfigError, EdgeError, StorageError
from edge.fleet import enroll_mqtt
from edge.fleet.enroll import Proof, SignedCertificate, ask

# Certificate and key stand in one file: a renewal replaces both in one step, whenever the power fails.
_FILES = {"mqtt.ca_file": "fleet-ca.pem", "mqtt.cert_file": "device.pem", "mqtt.key_file": "device.pem"}


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("enroll")
    parser.add_argument(
        "url",
        metavar="URL",
        help="the signing service, such as https://fleet.example:8490; or a broker where it listens, such as "
        "mqtts://broker.example:8884",
    )
    parser.add_argument("--token-file", type=Path, metavar="F", help="file with the token, readable by nobody else")
    parser.add_argument("--token", metavar="T", help="the token itself; others on this machine may see it meanwhile")
    parser.add_argument(
        "--ca-file", default="", metavar="F", help="the authority that signed the service's, or broker's, certificate"
    )
    parser.add_argument("--username", default="", metavar="U", help="the user at that broker, if it wants one")
    parser.add_argument("--password-file", type=Path, metavar="F", help="file with that user's password")
    parser.add_argument(
        "--renew",
        action="store_true",
        help="get a new certificate with the present one, if a third of its life is left",
    )
    parser.add_argument("--force", action="store_true", help="with --renew: whatever is left of it")
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path = arguments.config
    if path is None or not path.exists():
        raise ConfigError("there is no config yet: `emotion-edge setup --broker HOST` writes one")
    config = load(path).config
    name = device_name(config.device.name, machine_id())
    url = arguments.url.rstrip("/")
    if arguments.renew:
        return _renew(url, name, arguments, config.mqtt)
    if bool(arguments.token) == bool(arguments.token_file):
        raise ConfigError("name the token that the fleet's owner gave you: --token-file FILE, or --token T")
    token = arguments.token or password_in(arguments.token_file, "--token-file")
    key, request = new_request(name)
    broker = _broker(url, arguments.ca_file)
    if broker is None:
        answer = ask(f"{url}/enroll", {"token": token, "request": request}, ca_file=arguments.ca_file)
    else:
        password = password_in(arguments.password_file, "--password-file") if arguments.password_file else None
        broker = replace(broker, username=arguments.username)
        answer = enroll_mqtt.enroll(broker, password, request, token, remedies=remedies("URL"))
    folder = path.absolute().parent
    files = {setting: folder / file for setting, file in _FILES.items()}
    _store(path, key, answer, files)
    changes: dict[str, Any] = {setting: str(file) for setting, file in files.items()}
    changes |= {"mqtt.tls": True} | ({"mqtt.host": answer.host} if answer.host else {})
    changes |= {"mqtt.port": answer.port} if answer.port else {}
    text = with_values(read_toml(path)[1], changes)
    status = path.stat()
    _write(path, text, status.st_mode & 0o777, (status.st_uid, status.st_gid) if os.geteuid() == 0 else None)
    print(f"{name} has a certificate until {_until(answer)}, and {path} uses it")
    print("next: sudo emotion-edge unit --write; sudo systemctl restart emotion-edge")
    return 0


def _broker(url: str, ca_file: str) -> MqttConfig | None:
    """The broker that is meant, None if it is a web address."""
    if urlsplit(url).scheme != "mqtts":
        return None
    host, port, tls = split_broker(url, "URL")
    return MqttConfig(host=host, port=port, tls=tls, ca_file=ca_file)


def _renew(url: str, name: str, arguments: argparse.Namespace, mqtt: MqttConfig) -> int:
    certificate, key_file = Path(mqtt.cert_file), Path(mqtt.key_file)
    try:
        present = validity(certificate.read_text("ascii"))
    except (OSError, UnicodeDecodeError, EdgeError) as error:
        raise ConfigError(f"mqtt.cert_file: {certificate}: {error}; enroll with a token first") from None
    if not (present.due(time.time()) or arguments.force):
        print(f"the certificate of {name} is good until {time.strftime('%Y-%m-%d', time.gmtime(present.ends))}")
        return 0
    key, request = new_request(name)
    proof = Proof(certificate, key_file)
    broker = _broker(url, arguments.ca_file or mqtt.ca_file)
    if broker is None:
        answer = ask(f"{url}/renew", {"request": request}, ca_file=arguments.ca_file, proof=proof)
    else:
        broker = replace(broker, cert_file=mqtt.cert_file, key_file=mqtt.key_file)
        answer = enroll_mqtt.renew(broker, request, key, proof, mqtt.ca_file, remedies=remedies("URL"))
    _store(arguments.config, key, answer, {"mqtt.cert_file": certificate, "mqtt.key_file": key_file})
    print(f"{name} has a new certificate until {_until(answer)}; the service uses it with its next connection")
    return 0


def _store(config: Path, key: str, answer: SignedCertificate, files: dict[str, Path]) -> None:
    _until(answer)
    both = answer.certificate.rstrip() + "\n" + key
    owner = _service() if paths.is_of_system(config) and os.geteuid() == 0 else None
    if "mqtt.ca_file" in files:
        _write(files["mqtt.ca_file"], answer.ca, 0o644, None)
    for each in dict.fromkeys((files["mqtt.key_file"], files["mqtt.cert_file"])):
        _write(each, both, 0o600, owner)


def _until(answer: SignedCertificate) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(validity(answer.certificate).ends))


def _service() -> tuple[int, int] | None:
    try:
        return pwd.getpwnam(SERVICE_USER).pw_uid, grp.getgrnam(SERVICE_USER).gr_gid
    except KeyError:
        return None


def _write(path: Path, text: str, mode: int, owner: tuple[int, int] | None) -> None:
    try:
        write_atomically(path, text, mode=mode, owner=owner)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror}; use sudo") from None
