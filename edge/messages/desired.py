"""What a fleet's owner wants of many devices: one versioned JSON document for all, for a group, or for one device.

    fleet/all/desired    {"v": 1, "version": 7, "values": {"decision.enter": 0.5}}

With device.tenant set the topic is fleet/<tenant>/all/desired, and the document names the tenant as well.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from edge.config.schema import DeviceConfig
from edge.messages.commands import MAX_BYTES
from edge.printable import printable

VERSION = 1  # of the document's layout
MAX_VALUES = 200


class Desired(Struct, frozen=True, forbid_unknown_fields=True):
    """A document; whoever may publish on its topic is trusted to, within what never may be asked from afar."""

    v: Literal[1]
    version: Annotated[int, Meta(ge=1, lt=2**53)]  # counts up; what is not newer than what holds is not applied
    values: dict[str, Any] = {}  # by dotted key
    tenant: str = ""
    privacy: str = ""  # "ON" closes camera and microphone; nothing opens them from here


class Unreadable(Exception):
    """Why a document is refused as a whole; `version` is its own, where it could be read."""

    def __init__(self, why: str, version: int | None = None) -> None:
        super().__init__(why)
        self.version = version


def names(where: DeviceConfig, device: str) -> tuple[str, ...]:
    """Whom documents may be for that concern this device, the more particular the later; none outside of a fleet."""
    if not (where.tenant or where.site or where.group):
        return ()
    return tuple(dict.fromkeys(("all", *([where.group] if where.group else []), device)))


def topic(name: str, tenant: str | None, kind: str = "desired") -> str:
    """Where documents for `name` are published."""
    return "/".join(["fleet", *([tenant] if tenant else []), name, kind])


def parse(payload: bytes, tenant: str | None) -> Desired | None:
    """The document; None for an empty message, which only clears the topic. Unreadable says why it is refused."""
    if not payload.strip():
        return None
    if len(payload) > MAX_BYTES:
        raise Unreadable(f"the document is too large; at most {MAX_BYTES} bytes")
    try:
        raw = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the document is not JSON: {printable(str(error))}") from None
    version = raw.get("version") if isinstance(raw, dict) else None
    known = version if type(version) is int else None
    layout = raw.get("v") if isinstance(raw, dict) else None
    if type(layout) is int and layout > VERSION:
        raise Unreadable(
            f"the document has layout {layout}, and this device knows up to {VERSION}: update the device first", known
        )
    try:
        document = msgspec.convert(raw, Desired)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the document cannot be used: {printable(str(error))}", known) from None
    if document.tenant != (tenant or ""):
        whose = printable(document.tenant) or "nobody in particular"
        raise Unreadable(f"the document is of tenant {whose}, and this device of {tenant or 'no tenant'}", known)
    if len(document.values) > MAX_VALUES:
        raise Unreadable(f"the document asks for {len(document.values)} values; at most {MAX_VALUES}", known)
    return document
