"""Write firmware_config/schema/<topic>.json from the types; `python -m edge.messages.schema --check` only compares."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge.device.resources import firmware_config
from edge.messages import payloads
from edge.messages.payloads import Payload
from edge.messages.topics import TOPICS, Topic

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HEAD: dict[str, dict[str, Any]] = {
    "v": {"const": 1, "description": "Version of the payload's layout."},
    "ts": {
        "type": "string",
        "format": "date-time",
        "description": "Wall clock of what is told, UTC, ISO 8601 with milliseconds.",
    },
    "clock": {
        "enum": ["synced", "unsynced"],
        "description": "'unsynced' while the device does not know the time: do not trust ts then.",
    },
    "session": {"type": "string", "minLength": 1, "description": "One run of the service."},
    "seq": {
        "type": "integer",
        "minimum": 1,
        "description": "Counts up by one per topic and session; (session, topic, seq) names a message for good.",
    },
}
_WORDS: dict[str, dict[str, Any]] = {
    "availability": {
        "enum": ["online", "offline"],
        "description": "Is the service connected. A plain word, not JSON; 'offline' is also the last will.",
    },
    "privacy": {
        "enum": ["ON", "OFF"],
        "description": "ON: camera and microphone are released. A plain word, not JSON; privacy/set takes the same.",
    },
    "discovery": {
        "type": "string",
        "description": "What Home Assistant's MQTT discovery is told; its topic is not below ours.",
    },
    "config": {
        "type": "string",
        "description": "config/<key>: the value of a key that may change live, as config/<key>/set takes it.",
    },
}


def schemas() -> dict[str, dict[str, Any]]:
    """By name of the topic's first level."""
    return {name: _of_topic(name, topic) for name, topic in TOPICS.items()}


def files() -> dict[str, str]:
    """By file name: the text that each should hold."""
    return {f"{name}.json": _text(schema) for name, schema in schemas().items()}


def main(arguments: list[str] | None = None) -> int:
    """Writes or compares; 1 if a file is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, say what is out of date")
    parser.add_argument("--folder", type=Path, default=firmware_config() / "schema")
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    stale = [name for name, text in files().items() if _read(chosen.folder / name) != text]
    if chosen.check and stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run scripts/generate-schemas\n")
        return 1
    for name in stale:
        (chosen.folder / name).write_text(files()[name], encoding="utf-8")
    return 0


def _of_topic(name: str, topic: Topic) -> dict[str, Any]:
    if topic.payload is None:
        return {"$schema": _DIALECT, "title": name, **_WORDS[name]}
    return {"$schema": _DIALECT, "title": name, **_of_payload(topic.payload)}


def _of_payload(payload: type[Payload]) -> dict[str, Any]:
    (reference,), parts = msgspec.json.schema_components([payload], ref_template="#/$defs/{name}")
    for kind, part in parts.items():
        for field, words in _comments(getattr(payloads, kind)).items():
            part["properties"][field]["description"] = words
    own = parts.pop(reference["$ref"].rsplit("/", 1)[1])
    properties = own["properties"] | _HEAD
    schema = {
        "description": own.get("description", ""),
        "type": "object",
        "properties": properties,
        "required": list(properties),  # every field is always there; what is unknown is null
    }
    settled: dict[str, Any] = _settled(schema | {"$defs": parts} if parts else schema)
    return settled


def _comments(kind: type) -> dict[str, str]:
    """What stands behind the fields of a payload in the source, as sentences."""
    found = {}
    for line in inspect.getsource(kind).splitlines():
        field = re.fullmatch(r" {4}(\w+): .*  # (.+)", line)
        if field:
            found[field[1]] = f"{field[2][:1].upper()}{field[2][1:]}."
    return found


def _settled(schema: Any) -> Any:
    """The same for every run: msgspec gives alternatives in any order, and a bound of 0 as 0 or 0.0."""
    if isinstance(schema, list):
        return [_settled(each) for each in schema]
    if isinstance(schema, float) and schema.is_integer():
        return int(schema)
    if not isinstance(schema, dict):
        return schema
    found = {key: _settled(value) for key, value in schema.items() if key != "default"}
    if "anyOf" in found:
        found["anyOf"] = sorted(found["anyOf"], key=lambda each: (each.get("type") == "null", str(each)))
    return found


def _text(schema: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
