"""From a message on the wire to a row: pure. What is not ours, or cannot be read, is a poison message, not an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from edge.config.schema import MqttConfig
from edge.printable import printable

Kind = Literal["state", "event", "summary", "health", "info", "availability", "reported", "job"]
FACTS = ("state", "event", "summary")  # each is kept exactly once
# Of these only the newest of each device counts; health also for a while.
NEWEST = ("health", "info", "availability", "reported", "job")
TOPICS = (*FACTS, *NEWEST, "backlog")
MAX_BYTES = 64_000
BASE = MqttConfig().base
_LEVEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

_Number = Annotated[float, Meta(ge=-1e9, le=1e9)]


# What SQL reads of each: one document that it cannot compute with would spoil the figures of all.
class _Summary(Struct, frozen=True):
    seconds: Annotated[float, Meta(ge=0, le=86_400)]
    time_in_state_s: dict[str, Annotated[float, Meta(ge=0, le=86_400)]]
    people_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    valence: _Number | None = None


class _Health(Struct, frozen=True):
    temperature_c: _Number | None = None
    cpu_percent: _Number | None = None


class _Where(Struct, frozen=True):
    tenant: str | None = None
    site: str | None = None
    group: str | None = None


class _Config(Struct, frozen=True):
    device: _Where = _Where()


class _Info(Struct, frozen=True):
    config: _Config = _Config()


class _Reported(Struct, frozen=True):
    documents: dict[str, Annotated[int, Meta(ge=0, lt=2**53)]] = {}


_SHAPES: dict[str, type[Struct]] = {"summary": _Summary, "health": _Health, "info": _Info, "reported": _Reported}


class Poison(Exception):
    """A message that no row can be made of; it is parked with this reason."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One message as it is stored. `late` is true of what waited on the device while its broker was away."""

    device: str  # unique: its name, with the first level of its place before it, as in "acme/door-3"
    kind: Kind
    session: str
    seq: int
    ts: datetime
    synced: bool  # whether the device knew the time
    late: bool
    document: dict[str, Any]


def fact(topic: str, payload: bytes, base: str = BASE) -> Fact:
    """The row of a message below `base`; Poison says why there is none."""
    levels = topic.removeprefix(f"{base}/").split("/")
    if not topic.startswith(f"{base}/") or not 2 <= len(levels) <= 5 or levels[-1] not in TOPICS:
        raise Poison("not a topic of ours")
    (*place, name, kind) = levels
    if not all(_LEVEL.fullmatch(level) for level in (name, *place[:1])):
        raise Poison("no name of a device")
    # Brokers guard who may publish below the first level, and nobody guards that tenants choose different names.
    device = "/".join((*place[:1], name))
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
    return _stamped(device, tuple(place), kind, document, late=late)


def _check_shape(kind: str, document: dict[str, Any], place: tuple[str, ...]) -> None:
    if kind not in _SHAPES:
        return
    try:
        read = msgspec.convert(document, _SHAPES[kind])
    except msgspec.ValidationError as error:
        raise Poison(f"cannot be used: {printable(str(error))}") from None
    if isinstance(read, _Info):
        # Who may publish on a topic is the broker's access list; what a device says of itself is not.
        where = read.config.device
        said = tuple(level for level in (where.tenant, where.site, where.group) if level)
        if said != place:
            raise Poison(f"says that it belongs to {printable('/'.join(said)) or 'nobody'}, and its topic does not")


def _stamped(device: str, place: tuple[str, ...], kind: Any, document: dict[str, Any], *, late: bool) -> Fact:
    version = document.get("v")
    if version != 1:
        raise Poison(f"version {version!r:.20} of the payload is not known here")
    _check_shape(kind, document, place)
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
