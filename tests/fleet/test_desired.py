"""The real process on a real broker takes a fleet's documents, answers, and never loosens privacy."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from edge.device import resources
from tests.helpers.broker import Observer
from tests.helpers.service import DEVICE, Start

pytestmark = pytest.mark.slow

WHERE = {"name": DEVICE, "tenant": "acme", "site": "north", "group": "hall"}
ROOT = f"emotion/acme/north/hall/{DEVICE}"


def document(version: int, tenant: str = "acme", **fields: Any) -> bytes:
    return json.dumps({"v": 1, "version": version, "tenant": tenant, **fields}).encode()


def test_documents_reach_a_device_that_was_away_and_what_it_did_is_reported(start: Start, observer: Observer) -> None:
    observer.send("fleet/acme/hall/desired", document(4, values={"decision.enter": 0.6}), retain=True)
    service = start(device=WHERE)
    told = observer.wait(f"{ROOT}/reported", 20, lambda m: m.json["documents"] == {"hall": 4}).json
    assert told["values"] == {"decision.enter": 0.6}
    schema = json.loads((resources.firmware_config() / "schema" / "reported.json").read_text())
    jsonschema.validate(told, schema)
    observer.wait(f"{ROOT}/config/decision.enter", 5, lambda m: m.payload == b"0.6")

    observer.send("fleet/acme/all/desired", document(1, tenant="rival", values={"decision.enter": 0.9}))
    observer.wait(f"{ROOT}/reported", 5, lambda m: "of tenant rival" in (m.json["error"] or ""))
    observer.send("fleet/acme/hall/desired", document(3, values={"decision.enter": 0.9}))
    observer.wait(f"{ROOT}/reported", 5, lambda m: "version 4 holds" in (m.json["error"] or ""))
    loose = {"publish.people": True, "privacy.quiet_hours": [], "mqtt.tls": False}
    observer.send(f"fleet/acme/{DEVICE}/desired", document(1, values=loose, privacy="OFF"))
    told = observer.wait(f"{ROOT}/reported", 5, lambda m: "loosen privacy" in (m.json["error"] or "")).json
    assert set(told["refused"]) == {*loose, "privacy"}
    assert told["documents"] == {"hall": 4}
    observer.send(f"fleet/acme/{DEVICE}/desired", document(2, privacy="ON"))
    observer.wait(f"{ROOT}/privacy", 5, lambda m: m.payload == b"ON")
    assert [m.payload for m in observer.on("/config/decision.enter")][-1] == b"0.6"

    assert service.stop() == 0
    shown = len(observer.messages)
    start(device=WHERE)
    observer.wait(f"{ROOT}/reported", 20, lambda m: observer.messages.index(m) >= shown)
    last = observer.on(f"{ROOT}/reported")[-1].json
    assert (last["documents"], last["error"]) == ({"hall": 4, DEVICE: 2}, None)


def test_a_device_of_no_fleet_takes_no_documents(start: Start, observer: Observer) -> None:
    observer.send("fleet/all/desired", document(1, tenant="", values={"decision.enter": 0.6}), retain=True)
    start()
    observer.wait(f"emotion/{DEVICE}/reading", 20)
    assert not observer.on("/reported")
    assert observer.on("/config/decision.enter")[-1].payload != b"0.6"
