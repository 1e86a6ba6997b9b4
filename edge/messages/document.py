"""How a fleet's documents are read, desired ones and jobs alike: JSON of a known layout, for the own tenant."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from edge.printable import printable

LAYOUT = 1


class Addressed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every document says: its layout, and whose devices it is for."""

    v: Literal[1]
    tenant: str = ""


class Unreadable(Exception):
    """Why a document is refused as a whole; `version` is its own, where it has one that could be read."""

    def __init__(self, why: str, version: int | None = None) -> None:
        super().__init__(why)
        self.version = version


Document = TypeVar("Document", bound=Addressed)


def decode(payload: bytes, what: str, most: int) -> Any:
    """The JSON; Unreadable if there is too much of it, if it is none, or if it has a layout of the future."""
    if len(payload) > most:
        raise Unreadable(f"the {what} is too large; at most {most} bytes")
    try:
        raw = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the {what} is not JSON: {printable(str(error))}") from None
    layout = raw.get("v") if isinstance(raw, dict) else None
    if type(layout) is int and layout > LAYOUT:
        raise Unreadable(
            f"the {what} has layout {layout}, and this device knows up to {LAYOUT}: update the device first",
            version_of(raw),
        )
    return raw


def convert(raw: Any, kind: type[Document], what: str, tenant: str | None) -> Document:
    """The document; Unreadable if it is of another kind, or of another tenant."""
    try:
        document = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise Unreadable(f"the {what} cannot be used: {printable(str(error))}", version_of(raw)) from None
    if document.tenant != (tenant or ""):
        whose = printable(document.tenant) or "nobody in particular"
        ours = tenant or "no tenant"
        raise Unreadable(f"the {what} is of tenant {whose}, and this device of {ours}", version_of(raw))
    return document


def version_of(raw: Any) -> int | None:
    """Which version it says it is, of whatever layout."""
    version = raw.get("version") if isinstance(raw, dict) else None
    return version if type(version) is int else None
