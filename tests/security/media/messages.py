"""What a client says to its broker, taken apart: every byte belongs to a packet, every message to a schema."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema

from edge.device import resources
from edge.messages.topics import kind_of

_NAMES = {1: "CONNECT", 3: "PUBLISH", 4: "PUBACK", 8: "SUBSCRIBE", 12: "PINGREQ", 14: "DISCONNECT"}
_MOST = 64_000  # the largest message: a description for Home Assistant


class Account:
    """One connection of the service."""

    def __init__(self, root: str) -> None:
        self.root = root + "/"
        self.bytes: Counter[str] = Counter()  # by kind of topic, payloads alone; "" is all that is no payload
        self.messages: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._rest: dict[int, bytearray] = {}
        self._validators: dict[str, Any] = {}

    def take(self, connection: int, content: bytes) -> None:
        """More bytes of a connection, which is known by its port."""
        rest = self._rest.setdefault(connection, bytearray())
        rest += content
        for kind, flags, body, length in _packets(rest):
            name = _NAMES.get(kind)
            if name is None:
                self.wrong.append(f"packet type {kind}")
            elif name == "PUBLISH":
                self._message(flags, body, length)
            else:
                self.bytes[""] += length
                if length > 2_000:
                    self.wrong.append(f"a {name} of {length} bytes")

    def closed(self) -> int:
        """Bytes that belong to no whole packet: at most the last one of each connection, cut off."""
        return sum(len(rest) for rest in self._rest.values())

    def _message(self, flags: int, body: bytes, length: int) -> None:
        size = int.from_bytes(body[:2], "big")
        topic = body[2 : 2 + size].decode()
        at = 2 + size + (2 if flags & 6 else 0)
        properties, at = _number(body, at)
        payload = body[at + properties :]
        kind = topic.removeprefix(self.root).split("/")[0] if topic.startswith(self.root) else topic.split("/")[0]
        self.messages[kind] += 1
        self.bytes[kind] += len(payload)
        self.bytes[""] += length - len(payload)
        try:
            self._check(topic, payload)
        except (ValueError, KeyError, jsonschema.ValidationError) as error:
            self.wrong.append(f"{topic}: {str(error).splitlines()[0]}")

    def _check(self, topic: str, payload: bytes) -> None:
        if len(payload) > _MOST:
            raise ValueError(f"{len(payload)} bytes")
        if not topic.startswith(self.root):
            if payload:
                json.loads(payload)
            return
        below = topic.removeprefix(self.root)
        if kind_of(below).payload is None:
            if not payload.decode("ascii").isprintable() or len(payload) > 100:
                raise ValueError("no plain word")
            return
        name = below.split("/")[0]
        if name not in self._validators:
            schema = json.loads((resources.firmware_config() / "schema" / f"{name}.json").read_text())
            self._validators[name] = jsonschema.Draft202012Validator(schema)
        self._validators[name].validate(json.loads(payload))


def _packets(rest: bytearray) -> Iterator[tuple[int, int, bytes, int]]:
    """Type, flags, body and whole length of each complete packet, which is then taken off."""
    while len(rest) >= 2:
        try:
            size, at = _number(rest, 1)
        except IndexError:
            return
        if len(rest) < at + size:
            return
        yield rest[0] >> 4, rest[0] & 15, bytes(rest[at : at + size]), at + size
        del rest[: at + size]


def _number(content: bytes | bytearray, at: int) -> tuple[int, int]:
    """A length as MQTT writes it, and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
