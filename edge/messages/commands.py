"""What others may ask of us by MQTT: from topic and bytes to a command or a refusal, never an exception."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from edge.errors import EdgeError

MAX_BYTES = 64_000
MAX_CHARACTERS = 2_000  # of a text
_MAX_DEPTH = 20
_MAX_TRANSACTION = 256
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){1,3}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_SWITCH = {"ON": True, "OFF": False}


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody said. Printing it tells nothing, so that no log and no traceback can."""

    content: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do. `value` is True for privacy ON; the new value of a config key, None to reset it; a request's
    document; the bytes of a fleet's document; the Words of a text."""

    kind: Literal["privacy", "config", "request", "desired", "job", "text"]
    name: str  # "" for privacy and text, "decision.enter" for config, "info" for a request, "all" for a fleet
    value: Any
    transaction: str | int | None = None
    response_topic: str | None = None  # below ours, MQTT 5 only; the publisher minds it
    correlation: bytes | None = None
    local: bool = (
        False  # from the device's own page, which is its owner's (privacy.remote_off is about MQTT), or satellite
    )

    @property
    def answers_on(self) -> str:
        """The answer goes to response/<this>."""
        return self.name if self.kind == "request" else self.kind


class RequestDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The document of a request that takes none; `transaction` is no part of it."""


class SetRequest(RequestDocument, frozen=True):
    """`request/set`: several config keys at once, all or none."""

    values: dict[str, Any]


class ResetRequest(RequestDocument, frozen=True):
    """`request/reset`: one key, or all that were changed live."""

    key: str | UnsetType = UNSET


REQUESTS: dict[str, type[RequestDocument]] = {
    "info": RequestDocument,
    "health": RequestDocument,
    "config": RequestDocument,
    "set": SetRequest,
    "reset": ResetRequest,
    "reload": RequestDocument,
    "calibrate": RequestDocument,
    "doctor": RequestDocument,
}


def document(name: str, value: Any) -> RequestDocument:
    """The typed document of a request; EdgeError if it has another shape."""
    try:
        return msgspec.convert({} if value is None else value, REQUESTS[name])
    except msgspec.ValidationError as error:
        raise EdgeError(f"request/{name}: {error}; nothing was changed") from None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not a command; the answer goes to response/<name>."""

    name: str
    error: str
    transaction: str | int | None = None


def parse(topic: str, payload: bytes, *, retained: bool) -> Command | Refusal | None:
    """`topic` is below base and device. None means to be ignored: retained ones, or an empty one that clears those."""
    kind, name = _addressed(topic)
    if kind is None or retained or (kind != "request" and not payload.strip()):
        return None
    answer = name if kind == "request" and _NAME.fullmatch(name) else kind if kind != "request" else "error"
    try:
        _check_name(kind, name)
        value, transaction = _unwrap(kind, _value(kind, payload))
        if kind == "privacy":
            value = _switch(value, transaction)
        elif kind == "text":
            value = _words(value, transaction)
    except _Unusable as error:
        return Refusal(answer, f"{kind} {_short(name)}: {error}" if name else f"{kind}: {error}", error.transaction)
    return Command(kind, name, value, transaction)


def own_response_topic(root: str, response_topic: str | None) -> str | None:
    """The part of an asker's topic below ours; None for any other: we never publish where a stranger tells us."""
    prefix = f"{root}/response/"
    if response_topic is None or not response_topic.startswith(prefix):
        return None
    below = response_topic[len(prefix) :]
    if not below or len(below) > 200 or any(sign in below for sign in "+#\0"):
        return None
    return f"response/{below}"


def _addressed(topic: str) -> tuple[Literal["privacy", "config", "request", "text"] | None, str]:
    levels = topic.split("/")
    if levels == ["privacy", "set"]:
        return "privacy", ""
    if levels == ["text", "set"]:
        return "text", ""
    if len(levels) == 3 and levels[0] == "config" and levels[2] == "set":
        return "config", levels[1]
    if len(levels) == 4 and levels[0] == "config" and levels[3] == "set":  # without dots: config/decision/enter/set
        return "config", f"{levels[1]}.{levels[2]}"
    if len(levels) == 2 and levels[0] == "request":
        return "request", levels[1]
    return None, ""


def _check_name(kind: str, name: str) -> None:
    if kind == "config" and not _KEY.fullmatch(name):
        raise _Unusable("no such key; keys look like decision.enter")
    if kind == "request" and not _NAME.fullmatch(name):
        raise _Unusable("no such request")


class _Unusable(Exception):
    def __init__(self, why: str, transaction: str | int | None = None) -> None:
        super().__init__(why)
        self.transaction = transaction


def _value(kind: str, payload: bytes) -> Any:
    """JSON, or for the sake of simple clients a plain word."""
    if len(payload) > MAX_BYTES:
        raise _Unusable(f"the message is too large; at most {MAX_BYTES} bytes")
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise _Unusable("not UTF-8 text") from None
    if not text:
        return None
    if (kind == "privacy" and text.upper() in _SWITCH) or (kind == "text" and not text.startswith(("{", '"'))):
        return text
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise _Unusable("nested too deep") from None
    except (msgspec.MsgspecError, ValueError) as error:
        if (kind == "config" and _WORD.fullmatch(text)) or kind == "text":  # people may begin with a quotation mark
            return text
        raise _Unusable("must be ON or OFF" if kind == "privacy" else f"not JSON: {error}") from None
    if _deeper_than(value, _MAX_DEPTH):
        raise _Unusable("nested too deep")
    return value


def _unwrap(kind: str, value: Any) -> tuple[Any, str | int | None]:
    """Takes the transaction out of `{"value": ..., "transaction": ...}`; a request's other keys are its document."""
    if not isinstance(value, dict):
        return value, None
    transaction = value.get("transaction")
    if transaction is not None and (
        isinstance(transaction, bool)
        or not isinstance(transaction, (str, int))
        or len(str(transaction)) > _MAX_TRANSACTION
        or (isinstance(transaction, int) and not -(2**63) <= transaction < 2**63)
    ):
        raise _Unusable("transaction must be a text of at most 256 characters or a whole number")
    if kind == "text" and "text" in value:
        return value["text"], transaction
    if kind == "request":
        return {key: each for key, each in value.items() if key != "transaction"} or None, transaction
    if not set(value) <= {"value", "transaction"} or "value" not in value:
        if transaction is None:
            return value, None
        raise _Unusable('beside "transaction" there must be "value", and nothing else', transaction)
    return value["value"], transaction


def _switch(value: Any, transaction: str | int | None) -> bool:
    if not isinstance(value, str) or value.upper() not in _SWITCH:
        raise _Unusable("must be ON or OFF", transaction)
    return _SWITCH[value.upper()]


def _words(value: Any, transaction: str | int | None) -> Words:
    """No refusal repeats what was said."""
    if not isinstance(value, str):
        raise _Unusable('must be plain text, or {"text": "..."}', transaction)
    if len(value) > MAX_CHARACTERS:
        raise _Unusable(f"too long; at most {MAX_CHARACTERS} characters", transaction)
    return Words(value)


def _deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _short(name: str) -> str:
    return name if _KEY.fullmatch(name) or _NAME.fullmatch(name) else ascii(name[:60])
