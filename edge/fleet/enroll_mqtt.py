"""Asks a signing service for a certificate over a broker, for devices that reach nothing else.

    enroll/<id>/request    {"v": 1, "request": "-----BEGIN CERTIFICATE REQUEST...", "seal": "..."}
    enroll/<id>/answer     {"v": 1, "answer": "{\\"certificate\\": ...}", "seal": "..."}, or {"v": 1, "error": "..."}

Brokers and their other clients may read along: the token stays here. It seals the request, so that nobody can put his
own key in its place, and the answer, so that nobody else can give one. A renewal is signed with the key in use, and
what comes back must be of the authority in use and for the key that was made here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

import msgspec

from edge.config.schema import MqttConfig
from edge.device.certificate import has_key, is_of, signed
from edge.errors import EdgeError
from edge.fleet.enroll import MAX_BYTES, TIMEOUT_S, Proof, SignedCertificate
from edge.mqtt import reasons, session
from edge.mqtt.reasons import KEYS, Remedies
from edge.printable import printable


class _Answer(msgspec.Struct, frozen=True):
    answer: str = ""
    seal: str = ""
    error: str = ""


def enroll(
    broker: MqttConfig, password: str | None, request: str, token: str, *, remedies: Remedies = KEYS
) -> SignedCertificate:
    """The first certificate, for the token; EdgeError is one line with the remedy."""
    key = hashlib.sha256(token.encode()).hexdigest()
    said = _exchange(broker, password, {"v": 1, "request": request, "seal": seal(key, "request", request)}, remedies)
    where = reasons.address(broker)
    if not hmac.compare_digest(said.seal.encode(), seal(key, "answer", request, said.answer).encode()):
        raise EdgeError(f"{where}: somebody answers who does not know the token; who may publish there?")
    return _certificate(said.answer, where)


def renew(
    broker: MqttConfig, request: str, key: str, proof: Proof, ca_file: str, *, remedies: Remedies = KEYS
) -> SignedCertificate:
    """A new certificate for `key`, for the present one; of the authority in `ca_file`, or EdgeError."""
    said = _exchange(broker, None, {"v": 1, "renewal": signed(request, proof.certificate, proof.key)}, remedies)
    where = reasons.address(broker)
    answer = _certificate(said.answer, where)
    if not (is_of(answer.certificate, ca_file) and has_key(answer.certificate, key)):
        raise EdgeError(
            f"{where}: the answer is no certificate for this device's new key by the authority in {ca_file}"
        )
    return answer


def seal(key: str, *parts: str) -> str:
    """What only who has the token, or its hash, can make of these parts."""
    return hmac.new(key.encode(), "\0".join(parts).encode(), "sha256").hexdigest()


def _exchange(broker: MqttConfig, password: str | None, asked: dict[str, Any], remedies: Remedies) -> _Answer:
    where, name = reasons.address(broker), secrets.token_hex(16)  # as client id too: access lists can go by it
    try:
        with session.connect(broker, password, client_id=name, remedies=remedies) as connection:
            connection.subscribe(f"enroll/{name}/answer", qos=1)
            connection.publish(f"enroll/{name}/request", msgspec.json.encode(asked))
            message = connection.next(TIMEOUT_S)
    except session.NotPermitted as error:
        raise EdgeError(f"{error}; its access list must, as firmware_config/fleet/site/enroll.acl does") from None
    if message is None:
        raise EdgeError(f"{where}: nobody answered within {TIMEOUT_S:.0f} s; is the signing service listening there?")
    try:
        said = msgspec.json.decode(message.payload[:MAX_BYTES], type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise EdgeError(f"{where}: what answers is no signing service") from None
    if said.error:
        raise EdgeError(f"{where}: {printable(said.error)}")
    return said


def _certificate(answer: str, where: str) -> SignedCertificate:
    try:
        return msgspec.json.decode(answer, type=SignedCertificate)
    except msgspec.MsgspecError:
        raise EdgeError(f"{where}: what answers is no signing service") from None
