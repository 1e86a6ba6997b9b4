"""The schema files are those of the types, and complete."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from edge.device.resources import firmware_config
from edge.messages import schema
from edge.messages.topics import TOPICS


def test_the_files_are_up_to_date() -> None:
    folder = firmware_config() / "schema"
    assert {file.name: file.read_text() for file in folder.iterdir()} == schema.files(), "run scripts/generate-schemas"


def test_writing_and_comparing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main(["--check", "--folder", str(tmp_path)]) == 1
    assert "state.json" in capsys.readouterr().err
    assert schema.main(["--folder", str(tmp_path)]) == 0
    assert schema.main(["--check", "--folder", str(tmp_path)]) == 0
    (tmp_path / "state.json").write_text("{}")
    assert schema.main(["--check", "--folder", str(tmp_path)]) == 1


@pytest.mark.parametrize("name", TOPICS)
def test_each_stands_alone(name: str) -> None:
    found = json.loads(schema.files()[f"{name}.json"])
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["title"] == name
    assert found["description"]
    if TOPICS[name].payload:
        assert {"v", "ts", "clock", "session", "seq"} <= set(found["required"])
    for part in (found, *found.get("$defs", {}).values()):
        for field, what in part.get("properties", {}).items():
            assert what.get("description"), f"{field}: a comment behind it in edge/messages/payloads.py describes it"


def test_a_message_without_its_head_does_not_pass() -> None:
    good = {"v": 1, "ts": "2026-01-01T00:00:00.000Z", "clock": "synced", "session": "s", "seq": 1, "state": "online",
            "reason": ""}  # fmt: skip
    jsonschema.validate(good, schema.schemas()["status"])
    for missing in good:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({key: good[key] for key in good if key != missing}, schema.schemas()["status"])
    for wrong in ({"seq": 0}, {"session": ""}, {"v": 2}, {"clock": "maybe"}, {"state": "on fire"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **wrong}, schema.schemas()["status"])
