"""The real process on a real broker takes a fleet's documents, answers, and never loosens privacy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.device import resources
from edge.fleet.store import Store
from edge.messages.desired import sealed
from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.files import Signer
from tests.helpers.postgres import Postgres, collector
from tests.helpers.service import DEVICE, Run, Start

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
    observer.send("fleet/acme/hall/desired", json.dumps({"v": 2, "version": 9, "tenant": "acme", "more": {}}))
    observer.wait(f"{ROOT}/reported", 5, lambda m: "update the device first" in (m.json["error"] or ""))
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


def test_signed_by_the_command_and_taken_by_a_device_that_wants_it(  # noqa: PLR0917
    store: Store, postgres: Postgres, broker: Broker, start: Start, observer: Observer, run: Run, tmp_path: Path
) -> None:
    signer = Signer(tmp_path, "emotion-edge-desired")
    signer.list.rename(tmp_path / "desired-signers")
    common = ("--tenant", "acme", "--broker", f"127.0.0.1:{broker.port}", "--database", postgres.url)
    with collector(broker, postgres, "a"):
        start(device={**WHERE, "signed_desired": True})
        observer.wait(f"{ROOT}/reported", 20)

        def refused(why: str) -> None:
            observer.wait(f"{ROOT}/reported", 5, lambda m: why in (m.json["error"] or ""))

        assert run("fleet", "config", "hall", "decision.enter=0.6", *common)[0] == 0
        refused("is not signed, and this device takes signed ones alone")
        wait_for(lambda: "not signed" in run("fleet", "behind", "--database", postgres.url)[1], 10, "its answer")
        status, _, err = run("fleet", "config", "hall", "decision.enter=0.6", "--key", tmp_path / "none", *common)
        assert (status, "cannot sign" in err) == (1, True)
        assert run("fleet", "config", "hall", "decision.enter=0.6", "--key", signer.key, *common)[0] == 0
        observer.wait(f"{ROOT}/reported", 5, lambda m: m.json["documents"] == {"hall": 2})
        observer.wait(f"{ROOT}/config/decision.enter", 5, lambda m: m.payload == b"0.6")
        first = observer.on("/hall/desired")[-1].payload
        assert run("fleet", "config", "hall", "decision.enter=0.65", "--key", signer.key, *common)[0] == 0
        observer.wait(f"{ROOT}/reported", 5, lambda m: m.json["documents"] == {"hall": 3})

        observer.send("fleet/acme/hall/desired", first)
        refused("version 2 is not applied: version 3 holds")
        observer.send(f"fleet/acme/{DEVICE}/desired", first)
        refused(f"is for hall, and came for {DEVICE}")
        rival = document(9, tenant="rival", name="hall", values={"decision.enter": 0.9})
        observer.send("fleet/acme/hall/desired", sealed(rival, signer.signature(rival)))
        refused("of tenant rival")
        forged = document(9, name="hall", values={"decision.enter": 0.9})
        observer.send("fleet/acme/hall/desired", sealed(forged, signer.signature(rival)))
        refused("the signature is wrong")
        loose = document(9, name="hall", values={"publish.people": True}, privacy="OFF")
        observer.send("fleet/acme/hall/desired", sealed(loose, signer.signature(loose)))
        refused("loosen privacy: publish.people, privacy")
        assert observer.on(f"{ROOT}/reported")[-1].json["documents"] == {"hall": 3}
        assert [m.payload for m in observer.on("/config/decision.enter")][-1] == b"0.65"

        kept = "select count(*) from device where reported::text like '%loosen privacy%'"
        wait_for(lambda: store.run(kept) == [(1,)], 10, "the collector, which would write over what comes next")
        sent = len(observer.on("/hall/desired"))
        store.run("update device set reported = null")
        assert run("fleet", "config", "hall", "--again", *common)[0] == 0
        wait_for(lambda: len(observer.on("/hall/desired")) > sent, 5, "the document once more")
        assert observer.on("/hall/desired")[-1].payload != first
        again = [json.loads(m.json["document"])["version"] for m in observer.on("/hall/desired")[-1:]]
        assert again == [3]
