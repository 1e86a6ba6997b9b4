"""From a message on the wire to a row: pure. What is not ours, or cannot be read, is a poison message, not an error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

Kind = Literal["state", "event", "summary", "health", "info", "availability", "reported", "job"]
FACTS = ("state", "event", "summary")  # each is kept exactly once
# Of these only the newest of each device counts; health also for a while.
NEWEST = ("health", "info", "availability", "reported", "job")
TOPICS = (*FACTS, *NEWEST, "backlog")
MAX_BYTES = 64_000


class Poison(Exception):
    """A message that no row can be made of; it is parked with this reason."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One message as it is stored. `late` is true of what waited on the device while its broker was away."""

    device: str
    kind: Kind
    session: str
    seq: int
    ts: datetime
    synced: bool  # whether the device knew the time
    late: bool
    document: dict[str, Any]


def fact(topic: str, payload: bytes) -> Fact:
    """The row of a message; Poison says why there is none."""
    levels = topic.split("/")
    if len(levels) < 3 or levels[-1] not in TOPICS:
        raise Poison("not a topic of ours")
    device, kind = levels[-2], levels[-1]
    if kind == "availability":
        word = payload.decode("utf-8", "replace")
        if word not in {"online", "offline"}:
            raise Poison("availability is neither online nor offline")
        return Fact(device, "availability", "", 0, datetime.min, synced=False, late=False, document={"word": word})
    document = _document(payload)
    late = kind == "backlog"
    if late:
        kind, document = document.get("topic", ""), document.get("payload", {})
        if kind not in FACTS or not isinstance(document, dict):
            raise Poison("a backlog of something else")
    return _stamped(device, kind, document, late=late)


def _stamped(device: str, kind: Any, document: dict[str, Any], *, late: bool) -> Fact:
    version = document.get("v")
    if version != 1:
        raise Poison(f"version {version!r:.20} of the payload is not known here")
    session, seq, ts = document.get("session"), document.get("seq"), document.get("ts")
    if not isinstance(session, str) or not 0 < len(session) <= 64 or type(seq) is not int or not 0 < seq < 2**62:
        raise Poison("session or seq is missing")
    try:
        moment = datetime.fromisoformat(str(ts).replace("Z", "+00:00"))
    except ValueError:
        raise Poison("ts is no time") from None
    if moment.tzinfo is None or not 2000 < moment.year < 2200:
        raise Poison("ts is no time of this century")
    return Fact(device, kind, session, seq, moment, document.get("clock") == "synced", late, document)


def _document(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_BYTES:
        raise Poison("too large")
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Poison("not JSON") from None
    if not isinstance(document, dict):
        raise Poison("not an object")
    if "\\u0000" in payload.decode("utf-8", "replace"):
        raise Poison("holds a zero character, which SQL cannot store")
    return document
