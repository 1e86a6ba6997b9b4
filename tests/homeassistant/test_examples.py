"""What is offered for Home Assistant beside discovery: blueprints and a dashboard that fit our entities."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge.device import resources
from edge.homeassistant.device import Device
from edge.homeassistant.discovery import device_payload
from edge.messages.commands import Command, Words, parse
from edge.readings import LABELS

yaml: Any = pytest.importorskip("yaml")  # the documentation's tools bring it
jinja2: Any = pytest.importorskip("jinja2")
WORDS = Path(__file__).resolve().parents[2] / "docs" / "pages" / "how-to" / "words.md"
FOLDER = resources.firmware_config() / "home_assistant"
BLUEPRINTS = sorted((FOLDER / "blueprints").glob("*.yaml"))
DEVICE = Device("emotion", "living-room", "homeassistant", "1", "Raspberry Pi 5", LABELS, 10.0, 30.0, 2.0)
COMPONENTS = device_payload(DEVICE)["components"]


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML as Home Assistant writes it."""


class Input(str):
    """A place where an input goes."""


Loader.add_constructor("!input", lambda loader, node: Input(loader.construct_scalar(node)))


def inputs_in(value: Any) -> set[str]:
    if isinstance(value, Input):
        return {str(value)}
    if isinstance(value, dict):
        return set().union(*(inputs_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(inputs_in(each) for each in value))
    return set()


def test_there_are_three() -> None:
    assert [file.stem for file in BLUEPRINTS] == ["calm_down", "lamp_by_mood", "notify_when_sad"]


@pytest.mark.parametrize("file", BLUEPRINTS, ids=lambda file: file.stem)
def test_a_blueprint_uses_what_it_asks_for(file: Any) -> None:
    found = yaml.load(file.read_text("utf-8"), Loader)
    about = found.pop("blueprint")
    assert about["domain"] == "automation"
    assert about["name"].startswith("Emotion Edge: ")
    assert inputs_in(found) == set(about["input"])
    for name, one in about["input"].items():
        assert one["name"][0].isupper(), name
        assert len(one["selector"]) == 1, name
    for trigger in found["triggers"]:
        if trigger["trigger"] == "numeric_state":
            assert trigger["entity_id"] == "confidence"
            continue
        assert trigger["entity_id"] == "emotion"
        wanted = trigger["to"] if isinstance(trigger["to"], list) else [trigger["to"]]
        assert set(wanted) <= set(LABELS)


def test_the_dashboard_shows_entities_that_exist_and_are_enabled() -> None:
    text = (FOLDER / "dashboard.yaml").read_text("utf-8")
    there = {
        one["default_entity_id"]
        for one in COMPONENTS.values()
        if "default_entity_id" in one and one.get("enabled_by_default", True)
    }
    shown = set(re.findall(r"\b[a-z_]+\.emotion_living_room\w*", text))
    assert shown <= there, shown - there
    assert len(shown) >= 15
    views = yaml.safe_load(text)["views"]
    for section in views[0]["sections"]:
        assert section["cards"][0]["type"] == "heading"
        assert not any(card["type"].startswith("custom:") for card in section["cards"])


def forwarding() -> list[dict[str, Any]]:
    """The automations on the page about words."""
    blocks = re.findall(r"```yaml\n(.*?)```", WORDS.read_text("utf-8"), re.DOTALL)
    found = [yaml.load(block.replace("!lambda ", ""), Loader) for block in blocks]
    return [one for one in found if "triggers" in one]


@pytest.mark.parametrize("automation", forwarding(), ids=lambda one: one["alias"])
def test_what_an_assistant_understood_arrives_word_for_word(automation: dict[str, Any]) -> None:
    said = 'They said "no"\\ twice, so I\nleft: {{ 1 }}'
    (action,) = automation["actions"]
    assert action["action"] == "mqtt.publish"
    assert action["data"]["retain"] is False  # the broker would keep the words
    environment = jinja2.Environment(autoescape=False)
    environment.filters["to_json"] = json.dumps
    trigger = {"event": {"data": {"text": said}}, "slots": {"words": said}}
    payload = environment.from_string(action["data"]["payload"]).render(trigger=trigger)
    topic = action["data"]["topic"].removeprefix("emotion/shelf/")
    command = parse(topic, payload.encode(), retained=False)
    assert isinstance(command, Command)
    assert command.value == Words(said)


def test_two_automations_forward_words() -> None:
    assert [one["alias"] for one in forwarding()] == ["Pass what was said to Emotion Edge", "Dear diary"]
