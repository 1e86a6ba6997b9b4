"""Asks a signing service for a certificate: the first time with a token, later with the certificate that ends."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from edge.errors import EdgeError
from edge.printable import printable

TIMEOUT_S = 30.0
MAX_BYTES = 64_000


class SignedCertificate(msgspec.Struct, frozen=True):
    """What the signing service sends."""

    certificate: str
    ca: str
    host: str = ""  # of the broker, where the service knows it
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The certificate that is in use, and its key."""

    certificate: Path
    key: Path


def ask(url: str, document: dict[str, Any], *, ca_file: str = "", proof: Proof | None = None) -> SignedCertificate:
    """The service's answer; EdgeError is one line with the remedy."""
    if urlsplit(url).scheme != "https":
        raise EdgeError(f"{url}: must begin with https:// or mqtts://; a token is not sent in the clear")
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
        if ca_file:
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # home-made authorities rarely have all extensions
        if proof is not None:
            context.load_cert_chain(proof.certificate, proof.key, password="")
    except (OSError, ValueError) as error:
        raise EdgeError(f"{getattr(error, 'filename', None) or 'certificate files'}: cannot be used: {error}") from None
    request = urllib.request.Request(  # noqa: S310 - https, as checked above
        url, json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect())
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            text = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise EdgeError(f"{url}: {_said(error)}") from None
    except urllib.error.URLError as error:
        raise EdgeError(f"{url}: {_why(error.reason)}") from None
    except OSError as error:
        raise EdgeError(f"{url}: {_why(error)}") from None
    try:
        return msgspec.json.decode(text[: MAX_BYTES + 1], type=SignedCertificate)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise EdgeError(f"{url}: does not answer as a signing service does; is the address right?") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes where it was sent and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        said = msgspec.json.decode(error.read(MAX_BYTES), type=dict[str, Any]).get("error", "")
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        said = ""
    return printable(str(said)) or f"refused with status {error.code}; is the address right?"


def _why(reason: object) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message}); name its authority with --ca-file"
    if isinstance(reason, ssl.SSLError):
        return (
            f"it does not accept the connection ({reason.reason}); a certificate that ended or was revoked cannot be "
            "renewed: enroll anew with a token"
        )
    if isinstance(reason, OSError):
        return f"{reason.strerror or reason}; is the signing service running?"
    return printable(str(reason))
