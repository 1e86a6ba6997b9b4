"""The one place where what paho, TLS and the network say becomes one line for a person, with the remedy."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from paho.mqtt.client import WebsocketConnectionError

from edge.config import schema
from edge.device.certificate import validity
from edge.errors import EdgeError

Kind = Literal["unreachable", "refused", "taken over"]

ACCESS = "access"  # what is logged about the broker's access list, once

_TAKEN_OVER = 142
_PASSWORD = (134, 135)  # bad user name or password, not authorised
_REFUSED = {132, 133, 138, 140, 144, 149, 156, 157}  # waiting does not help, or not soon


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no link, and whether trying again soon makes sense."""

    kind: Kind
    reason: str
    slow: bool = False
    wordless: bool = False  # the other side cut the connection and gave no reason


@dataclass(frozen=True, slots=True)
class Remedies:
    """What to do, in the words of where the settings come from: the keys of a config, or a command's options."""

    user: str = "check mqtt.username and its password"
    version: str = 'set mqtt.protocol = "{version}"'
    port: str = "check mqtt.port"
    tls_port: str = "is mqtt.port its TLS port?"
    tls_or_version: str = "does it want TLS (mqtt.tls) or another mqtt.protocol?"
    network: str = "check mqtt.host and the network"
    name: str = "mqtt.host must be a name in it"
    authority: str = "mqtt.ca_file must name the authority that signed it"
    host_setting: str = "mqtt.host"  # what a reason begins with that is about the value of one setting
    authority_setting: str = "mqtt.ca_file"


KEYS = Remedies()


def address(settings: schema.MqttConfig) -> str:
    """host:port as it is shown."""
    return f"{settings.host}:{port(settings)}"


def port(settings: schema.MqttConfig) -> int:
    return settings.port or (8883 if settings.tls else 1883)


def from_code(settings: schema.MqttConfig, code: int, name: str, remedies: Remedies = KEYS) -> Trouble:
    """What an MQTT 5 reason code in CONNACK or DISCONNECT means for us."""
    where = address(settings)
    if code == _TAKEN_OVER:
        reason = f"another client uses our client id at {where}; is this device's state or card a copy of another's?"
        return Trouble("taken over", reason, slow=True)
    if code in _PASSWORD:
        who = f"user {settings.username!r}" if settings.username else "this device without a user name"
        reason = f"the broker {where} refuses {who}: {name}; {remedies.user}"
        return Trouble("refused", reason, slow=True)
    if code == 132:
        other = "3.1.1" if settings.protocol == "5" else "5"
        remedy = remedies.version.format(version=other)
        reason = f"the broker {where} does not speak MQTT {settings.protocol}; {remedy}"
        return Trouble("refused", reason, slow=True)
    if code in _REFUSED:
        return Trouble("refused", f"the broker {where} refuses us: {name}", slow=True)
    return Trouble("unreachable", f"the broker {where} closed the connection: {name}")


def lost(settings: schema.MqttConfig) -> Trouble:
    """A connection that stood is gone."""
    return Trouble("unreachable", f"the connection to {address(settings)} was lost", wordless=True)


def cut_off(settings: schema.MqttConfig) -> Trouble:
    """Accepted and cut off repeatedly: all that MQTT 3.1.1 and some brokers (mosquitto 2.0.11) tell of a takeover."""
    reason = (
        f"the broker {address(settings)} accepted us and closed the connection repeatedly; probably another client "
        "uses our client id (is this device's card a copy of another's?), or the broker is failing, or its access list "
        "forbids one of our topics (home_assistant.enabled = false spares the one that is not below ours)"
    )
    return Trouble("taken over", reason, slow=True)


def mute(settings: schema.MqttConfig) -> Trouble:
    """The broker took the connection and has not answered CONNECT."""
    where = address(settings)
    return Trouble("unreachable", f"{where} accepts the connection and then does not answer; is it an MQTT broker?")


def closed_early(settings: schema.MqttConfig, remedies: Remedies = KEYS) -> Trouble:
    """Closed before CONNECT was answered: with TLS 1.3 all that is seen of a refused client certificate."""
    if settings.cert_file:
        why = _own_certificate(settings.cert_file)
        line = f"the broker {address(settings)} closed the connection before it answered; {why}"
        return Trouble("refused", line, slow=True)
    hint = remedies.tls_port if settings.tls else remedies.tls_or_version
    return Trouble("unreachable", f"the broker {address(settings)} closed the connection before it answered; {hint}")


def _own_certificate(path: str) -> str:
    """What a broker that hangs up may have against our certificate, and what to do."""
    remedy = "`emotion-edge enroll` with a new token gets another one"
    try:
        good = validity(Path(path).read_text("ascii"))
    except (OSError, UnicodeDecodeError, EdgeError) as error:
        return f"mqtt.cert_file: {path}: {error}; {remedy}"
    now = time.time()
    if now > good.ends:
        return f"this device's certificate expired on {time.strftime('%Y-%m-%d', time.gmtime(good.ends))}; {remedy}"
    if now < good.begins:
        return "this device's certificate is not valid yet: is the device's clock right?"
    return f"is this device's certificate revoked, or of an authority that the broker does not know? {remedy}"


def from_error(settings: schema.MqttConfig, error: Exception, remedies: Remedies = KEYS) -> Trouble:
    """Why no connection came about."""
    where = address(settings)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or str(error)
        # No certificate is mended within seconds.
        line = f"the certificate of {where} is not trusted: {why}; {_certificate_remedy(why.lower(), remedies)}"
        return Trouble("unreachable", line, slow=True)
    if isinstance(error, ssl.SSLError) and settings.cert_file and "alert" in (error.reason or "").lower():
        said = (error.reason or "").lower().replace("_", " ").partition("alert ")[2]
        line = f"the broker {where} does not take this device's certificate ({said}); "
        return Trouble("refused", line + _own_certificate(settings.cert_file), slow=True)
    if isinstance(error, ssl.SSLError):
        why = (error.reason or str(error)).replace("_", " ").lower()
        old = "protocol version" in why or "unsupported protocol" in why
        hint = "it must offer TLS 1.2 or newer; update the broker" if old else remedies.tls_port
        line = f"no TLS with {where}: {why}; {hint}"
    elif isinstance(error, socket.gaierror):
        line = f"{remedies.host_setting}: {settings.host!r} is not a known name here ({error.strerror})"
    elif isinstance(error, WebsocketConnectionError):
        line = f"{where} does not speak MQTT over websockets at {settings.websocket_path}; {remedies.port}"
    elif isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return closed_early(settings, remedies)
    elif isinstance(error, ConnectionRefusedError):
        line = f"nothing is listening at {where}; is the broker running?"
    elif isinstance(error, TimeoutError) and "handshake" in str(error):
        line = f"no TLS with {where}: it accepts the connection and then does not answer; {remedies.tls_port}"
    elif isinstance(error, TimeoutError):
        line = f"{where} does not answer; {remedies.network}"
    elif isinstance(error, OSError):
        line = f"no connection to {where}: {error.strerror or error}"
    else:
        return Trouble("unreachable", f"no connection to {where}: {error}", slow=True)
    return Trouble("unreachable", line)


def _certificate_remedy(why: str, remedies: Remedies) -> str:
    """What to do about a certificate that OpenSSL does not trust."""
    if "mismatch" in why or "not valid for" in why:
        return remedies.name
    if "expired" in why:
        return "renew it at the broker, or set this device's clock"
    if "not yet valid" in why:
        return "is this device's clock right?"
    return remedies.authority


def from_files(error: Exception, key: str, path: str) -> Trouble:
    """A certificate file that cannot be used."""
    why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if isinstance(error, ssl.SSLError):
        why = f"not a usable PEM file ({(error.reason or str(error)).replace('_', ' ').lower()})"
    return Trouble("unreachable", f"{key}: {path}: {why}", slow=True)
