"""What a fleet's owner wants of many devices: one versioned JSON document for all, for a group, or for one device.

    fleet/all/desired    {"v": 1, "version": 7, "values": {"decision.enter": 0.5}}

With device.tenant set the topic is fleet/<tenant>/all/desired, and the document names the tenant as well. A signed one
also says by "name" whom it is for, and travels as text beside its signature, so that not a byte of it changes:

    {"v": 1, "document": "{\\"v\\": 1, \\"version\\": 7, \\"name\\": \\"all\\", ...}", "signature": "-----BEGIN ..."}
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from edge.config.schema import DeviceConfig
from edge.messages.commands import MAX_BYTES
from edge.messages.document import Addressed, Unreadable, convert, decode
from edge.printable import printable

MAX_VALUES = 200
NAMESPACE = "emotion-edge-desired"  # of signatures: one of a model is none of a document
_WHAT = "document"


class Desired(Addressed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document; whoever may publish or sign it is trusted to, within what never may be asked from afar."""

    version: Annotated[int, Meta(ge=1, lt=2**53)]  # counts up; what is not newer than what holds is not applied
    values: dict[str, Any] = msgspec.field(default_factory=dict)  # by dotted key
    privacy: str = ""  # "ON" closes camera and microphone; nothing opens them from here
    name: str = ""  # whom it is for; empty: whoever's topic it comes by


class _Signed(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    document: Annotated[str, Meta(pattern=r"\S")]
    signature: str


def names(where: DeviceConfig, device: str) -> tuple[str, ...]:
    """Whom documents may be for that concern this device, the more particular the later; none outside of a fleet."""
    if not (where.tenant or where.site or where.group):
        return ()
    return tuple(dict.fromkeys(("all", *([where.group] if where.group else []), device)))


def topic(name: str, tenant: str | None, kind: str = "desired") -> str:
    """Where documents for `name` are published."""
    return "/".join(["fleet", *([tenant] if tenant else []), name, kind])


def opened(payload: bytes) -> tuple[bytes, bytes | None]:
    """The document itself and its signature, None where there is none; Unreadable says why it is refused."""
    if not payload.strip():
        return b"", None
    raw = decode(payload, _WHAT, MAX_BYTES)
    if not (isinstance(raw, dict) and "signature" in raw):
        return payload, None
    try:
        signed = msgspec.convert(raw, _Signed)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the signed document cannot be used: {printable(str(error))}") from None
    return signed.document.encode(), signed.signature.encode()


def sealed(content: bytes, signature: bytes) -> bytes:
    """The message that `opened` takes apart."""
    return msgspec.json.encode(_Signed(1, content.decode(), signature.decode()))


def parse(content: bytes, tenant: str | None, name: str) -> Desired | None:
    """The document that came for `name`; None for an empty message, which only clears the topic.

    Unreadable says why it is refused.
    """
    if not content.strip():
        return None
    document = convert(decode(content, _WHAT, MAX_BYTES), Desired, _WHAT, tenant)
    if document.name not in ("", name):
        raise Unreadable(f"the document is for {printable(document.name)}, and came for {name}", document.version)
    if len(document.values) > MAX_VALUES:
        asked = f"the document asks for {len(document.values)} values; at most {MAX_VALUES}"
        raise Unreadable(asked, document.version)
    return document
