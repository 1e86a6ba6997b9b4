"""The discovery message: by Home Assistant's rules, and true to what the service really sends and takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import jinja2
import msgspec
import pytest

from edge.config import keys
from edge.config.overrides import live_values
from edge.config.schema import CameraConfig, Config, DashboardConfig, HomeAssistantConfig
from edge.config.secrets import public
from edge.config.values import converted
from edge.homeassistant.device import Device, device, discovery_topic, is_discovery_topic
from edge.homeassistant.discovery import device_payload, discovery_message
from edge.language.catalogue import LANGUAGES, Language, words
from edge.messages import commands, payloads
from edge.messages.commands import Command
from edge.messages.topics import kind_of
from edge.readings import LABELS
from tests.helpers.told import person
from tests.homeassistant.rules import SHORT, broken, expanded

SHELF = Device("emotion", "shelf", "homeassistant", "1.2.3", "Raspberry Pi 5", LABELS, 10.0, 30.0, 2.0)
PAYLOAD = device_payload(SHELF)
COMPONENTS: dict[str, dict[str, Any]] = PAYLOAD["components"]
ENTITIES = {name: one for name, one in COMPONENTS.items() if one["platform"] != "device_automation"}
STATE = payloads.StatePayload(
    label="happy", confidence=0.8641, since="2026-11-21T06:25:58.101Z", for_s=9.3, people=1, modalities=("face",),
    valence=0.68, arousal=0.47,
)  # fmt: skip
HEALTH = payloads.HealthPayload(
    uptime_s=3.0, fps=15.0, frames=45, frames_dropped=2, sound_dropped_s=0.0, queue=0, latency_ms=None,
    cpu_percent=11.5, rss_mb=111.0,
)  # fmt: skip


def rendered(template: str, payload: payloads.Payload | str, **attributes: str | None) -> str:
    """As Home Assistant renders it: plain Jinja, the payload as `value` and, parsed, as `value_json`; `attributes` are
    those that the entity has before. Its `version` compares number by number."""
    word = payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - no web page
    known = None if isinstance(payload, str) else json.loads(word)
    environment.globals["version"] = lambda text: tuple(map(int, text.split(".")))
    return environment.from_string(template).render(value=word, value_json=known, this={"attributes": attributes})


def shown(name: str, payload: payloads.Payload | str) -> str:
    return rendered(COMPONENTS[name]["value_template"], payload)


def test_it_keeps_the_rules() -> None:
    assert broken(PAYLOAD) == []


def test_an_update_is_known_by_the_number_that_the_owner_publishes() -> None:
    update = COMPONENTS["update"]
    assert update["latest_version_topic"] == "emotion/release"
    info = payloads.InfoPayload(
        version="1.2.3", device="shelf", board="", runtime="", python="", models={}, labels=LABELS, config={}
    )
    assert "enabled_by_default" not in update
    for known, latest in ((None, "1.2.3"), ("1.2.3", "1.2.3"), ("1.10.0", "1.10.0"), ("1.1.9", "1.2.3")):
        told = rendered(update["value_template"], info, latest_version=known)
        assert json.loads(told) == {"installed_version": "1.2.3", "latest_version": latest}
    for published, latest in (("1.10.0", "1.10.0"), ("1.1.9", "1.2.3"), ("", "1.2.3")):
        assert rendered(update["latest_version_template"], published, installed_version="1.2.3") == latest
    assert rendered(update["latest_version_template"], "1.1.9", installed_version=None) == "1.1.9"


def test_its_short_form_means_the_same() -> None:
    assert expanded(json.loads(discovery_message(SHELF))) == json.loads(msgspec.json.encode(PAYLOAD))


def test_the_rules_find_what_is_wrong() -> None:
    """A rule that nothing can break is none."""
    bad = {
        "sensor_with_command": {**COMPONENTS["emotion"], "command_topic": "x"},
        "options_with_unit": {**COMPONENTS["emotion"], "unit_of_measurement": "%"},
        "settable_sensor": {**COMPONENTS["fps"], "entity_category": "config"},
        "wild": {**COMPONENTS["privacy"], "command_topic": "a/+"},
        "unit": {**COMPONENTS["temperature"], "unit_of_measurement": "K2"},
        "id": {**COMPONENTS["fps"], "default_entity_id": "sensor.Emotion-1"},
    }
    wrong = broken({**PAYLOAD, "components": bad})
    for name in bad:
        assert any(line.startswith(name) for line in wrong), name


def test_every_topic_is_one_of_ours() -> None:
    """What is listened to is published; what is commanded is taken."""
    for name, one in COMPONENTS.items():
        for option, topic in one.items():
            if option in ("topic", "state_topic", "json_attributes_topic"):
                assert kind_of(topic.removeprefix("emotion/shelf/")), name
            if option == "command_topic":
                word = {"switch": one.get("payload_on", "ON"), "button": one.get("payload_press"), "number": "1"}
                payload = str(word.get(one["platform"], "info")).encode()
                found = commands.parse(topic.removeprefix("emotion/shelf/"), payload, retained=False)
                assert isinstance(found, Command), (name, found)
    listed = [PAYLOAD["availability"], *(one["availability"] for one in ENTITIES.values() if "availability" in one)]
    for topics in listed:
        assert {each["topic"] for each in topics} <= {"emotion/shelf/availability", "emotion/shelf/privacy"}


def test_every_live_key_has_its_entity_bounded_as_its_type_is() -> None:
    for key, value in live_values(Config()).items():
        if isinstance(value, dict):
            continue  # a table of numbers, such as face.rest, has no entity
        one = COMPONENTS[key.replace(".", "_")]
        assert one["state_topic"] == f"emotion/shelf/config/{key}"
        assert one["command_topic"] == f"emotion/shelf/config/{key}/set"
        assert one["entity_category"] == "config"
        if one["platform"] == "number":
            for bound in (one["min"], one["max"]):
                converted(key, keys.types()[key], bound)
            assert one["step"] == int(one["step"]) or isinstance(keys.value_of(Config(), key), float | None)
        elif one["platform"] == "select":
            for option in one["options"]:
                converted(key, keys.types()[key], option)
        else:
            assert one["platform"] == "switch"
    for key in ("privacy.remote_off", "privacy.quiet_hours"):
        assert key.replace(".", "_") not in COMPONENTS, "these are the owner's"


def test_each_person_has_an_entity_where_the_owner_has_that_published() -> None:
    assert not any(name.startswith("person_") and "unique_id" in one for name, one in COMPONENTS.items())
    payload = device_payload(replace(SHELF, people=(7, 4)))
    assert broken(payload) == []
    first, second = (payload["components"][f"person_{place}"] for place in (1, 2))
    assert (first["state_topic"], second["state_topic"]) == ("emotion/shelf/person/7", "emotion/shelf/person/4")
    assert first["name"] == "Person 1"
    assert first["expire_after"] <= 30
    assert "emotion/shelf/privacy" in {topic["topic"] for topic in first["availability"]}
    spoke = person("sad", reason=None, speaking=True)
    assert rendered(first["value_template"], spoke) == "sad"
    told = json.loads(rendered(first["json_attributes_template"], spoke))
    assert told == {"reason": None, "speaking": True}
    gone = device_payload(replace(SHELF, people_withdrawn=True))["components"]
    assert gone["person_1"] == {"platform": "sensor"}, "by which Home Assistant removes it"


def test_why_it_is_uncertain_is_one_of_a_list() -> None:
    one = COMPONENTS["reason"]
    assert shown("reason", STATE) == "None", "which Home Assistant takes for unknown"
    for reason in get_args(payloads.Reason):
        assert shown("reason", msgspec.structs.replace(STATE, label="uncertain", reason=reason)) == reason
        assert reason in one["options"]
    uncertain = msgspec.structs.replace(STATE, label="uncertain", reason="too dark")
    assert json.loads(rendered(COMPONENTS["emotion"]["json_attributes_template"], uncertain))["reason"] == "too dark"


def test_what_changes_with_people_ends_with_them() -> None:
    """Whatever tells of people expires, and is not shown while privacy is on."""
    for name, one in ENTITIES.items():
        if one.get("state_topic", "").endswith(("/state", "/reading")):
            assert 0 < one["expire_after"] <= 30, name
            assert {"emotion/shelf/availability", "emotion/shelf/privacy"} == {t["topic"] for t in one["availability"]}
            assert one["availability_mode"] == "all"
        if one.get("state_topic", "").endswith("/health"):
            assert one["expire_after"] > 60, name
    assert "retain" not in str(PAYLOAD)
    assert not any("optimistic" in one for one in COMPONENTS.values())


def test_expiry_follows_the_intervals() -> None:
    slow = device_payload(replace(SHELF, state_every_s=60.0, health_every_s=100.0))["components"]
    assert slow["emotion"]["expire_after"] == 152
    assert slow["fps"]["expire_after"] == 255


def test_templates_say_what_the_payloads_say() -> None:
    assert shown("emotion", STATE) == "happy"
    assert shown("confidence", STATE) == "86.4"
    assert shown("valence", STATE) == "0.68"
    assert shown("people", STATE) == "1"
    assert shown("presence", STATE) == "ON"
    absent = msgspec.structs.replace(STATE, label="absent", people=0, valence=0.0)
    assert shown("presence", absent) == "OFF"
    assert shown("valence", absent) == "None", "no emotion, no number"
    heard = msgspec.structs.replace(STATE, label="sad", people=0)
    assert shown("presence", heard) == "ON", "a voice is a presence"
    assert shown("fps", HEALTH) == "15.0"
    assert shown("latency", HEALTH) == "None"
    assert shown("latency", msgspec.structs.replace(HEALTH, latency_ms=payloads.Latency(6.0, 32.0))) == "6.0"
    assert shown("temperature", HEALTH) == "None"
    assert shown("throttled", HEALTH) == "OFF"
    reading = payloads.ReadingPayload(
        probabilities=dict.fromkeys(LABELS, 1 / 7), label="happy", confidence=0.5, valence=0.0, arousal=0.0, people=1
    )
    for label in LABELS:
        assert shown(f"probability_{label}", reading) == "14.3"
    assert shown("fusion_face_weight", "null") == "None"
    assert shown("fusion_face_weight", "1.5") == "1.5"
    refused = payloads.ResponsePayload(status="error", error='not "so"')
    assert json.loads(rendered(COMPONENTS["privacy"]["json_attributes_template"], refused)) == {"refused": 'not "so"'}
    assert json.loads(rendered(COMPONENTS["emotion"]["json_attributes_template"], STATE))["modalities"] == ["face"]


@pytest.mark.parametrize("event", ["state_entered", "state_left", "person_appeared", "person_gone"])
def test_each_event_fires_what_it_should_and_nothing_else(event: Any) -> None:
    label = "angry" if event.startswith("state") else None
    payload = payloads.EventPayload(event=event, label=label, previous="sad", people=1)
    text = shown("event", payload)
    types = COMPONENTS["event"]["event_types"]
    if event == "state_left":
        assert text == ""
    else:
        wanted = "became_angry" if event == "state_entered" else event
        assert json.loads(text)["event_type"] == wanted
        assert wanted in types
    fired = {
        name
        for name, one in COMPONENTS.items()
        if one["platform"] == "device_automation" and rendered(one["value_template"], payload) == one["payload"]
    }
    assert fired == {
        {"state_entered": "began_angry", "state_left": "ended_angry", "person_appeared": "person_appeared",
         "person_gone": "person_left"}[event]
    }  # fmt: skip


def test_the_main_entity_goes_by_the_devices_name_and_the_rest_by_plain_words() -> None:
    assert COMPONENTS["emotion"]["name"] is None
    assert COMPONENTS["emotion"]["default_entity_id"] == "sensor.emotion_shelf"
    assert COMPONENTS["decision_dwell_s"]["name"] == "Minimum duration"
    assert COMPONENTS["privacy"]["default_entity_id"] == "switch.emotion_shelf_privacy"
    for name, one in ENTITIES.items():
        if name != "emotion":
            assert one["name"][0].isupper(), name
            assert "_" not in one["name"], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_every_language_other_names_and_the_same_ids(language: Language) -> None:
    payload = device_payload(replace(SHELF, language=language))
    assert broken(payload) == []
    same = set()
    for name, one in payload["components"].items():
        if name in ENTITIES:
            assert one["default_entity_id"] == ENTITIES[name]["default_entity_id"]
            assert one["unique_id"] == ENTITIES[name]["unique_id"]
            if one["name"] is not None and one["name"] == ENTITIES[name]["name"]:
                same.add(one["name"])
    assert language == "en" or len(same) <= 2, same


def test_every_setting_has_a_name_in_every_language() -> None:
    for key in live_values(Config()):
        for language in LANGUAGES:
            assert words(language)[f"ha.setting.{key}"]


def test_there_is_no_thermometer_where_the_board_has_none() -> None:
    bare = device_payload(replace(SHELF, has_temperature=False, has_throttling=False))["components"]
    assert set(COMPONENTS) - set(bare) == {"temperature", "throttled"}


@pytest.mark.parametrize(
    ("settings", "page"),
    [
        ({}, ""),
        ({"enabled": True}, ""),
        ({"enabled": True, "listen": "0.0.0.0"}, "http://pi.local:8470/"),  # noqa: S104
        ({"enabled": True, "listen": "::", "port": 80}, "http://pi.local:80/"),
        ({"enabled": True, "listen": "192.0.2.7"}, "http://192.0.2.7:8470/"),
        ({"enabled": True, "listen": "2001:db8::7"}, "http://[2001:db8::7]:8470/"),
        ({"enabled": True, "names": ("edge.example.org",)}, "http://edge.example.org:8470/"),
        ({"enabled": True, "names": ("edge.example.org",), "behind_tls": True}, "https://edge.example.org/"),
        ({"enabled": True, "behind_tls": True}, ""),
        ({"listen": "0.0.0.0"}, ""),  # noqa: S104
    ],
)  # fmt: skip
def test_home_assistant_links_to_the_page_where_it_can_be_reached(settings: dict[str, Any], page: str) -> None:
    config = Config(dashboard=DashboardConfig(**settings), home_assistant=HomeAssistantConfig(area="Living room"))
    info = payloads.InfoPayload(
        version="1", device="shelf", board="b", runtime="r", python="3", models={}, labels=LABELS, config=public(config)
    )
    about = device_payload(device(info, {}, host="pi"))["device"]
    assert about.get("configuration_url", "") == page
    assert about["suggested_area"] == "Living room"
    assert "suggested_area" not in PAYLOAD["device"]


def test_a_sample_is_marked_on_the_devices_card() -> None:
    info = payloads.InfoPayload(
        version="1", device="shelf", board="Laptop", runtime="r", python="3", models={}, labels=LABELS,
        config=public(Config(camera=CameraConfig(source="sample"))),
    )  # fmt: skip
    assert device_payload(device(info, {}, host="x"))["device"]["model"] == "SAMPLE, nobody here (Laptop)"
    assert "SAMPLE" not in PAYLOAD["device"]["model"]


def test_the_device_comes_from_info_and_what_changed_since() -> None:
    info = payloads.InfoPayload(
        version="1.2.3", device="my.shelf", board="b", runtime="r", python="3", models={}, labels=LABELS,
        config=public(Config()),
    )  # fmt: skip
    known = device(info, {"publish.state_every_s": "4.0", "decision.enter": "0.5"}, host="x")
    assert (known.base, known.prefix, known.state_every_s, known.max_hz) == ("emotion", "homeassistant", 4.0, 2.0)
    assert device_payload(known)["components"]["emotion"]["expire_after"] == 12


@pytest.mark.parametrize(
    ("base", "device", "topic"),
    [
        ("emotion", "shelf", "homeassistant/device/shelf/config"),
        ("emotion", "my.shelf", "homeassistant/device/my_shelf/config"),
        ("home/two", "shelf", "homeassistant/device/home_two_shelf/config"),
    ],
)
def test_topics_are_such_as_home_assistant_looks_at(base: str, device: str, topic: str) -> None:
    assert discovery_topic("homeassistant", base, device) == topic
    assert is_discovery_topic(topic)
    assert not is_discovery_topic(topic + "/x")
    assert not is_discovery_topic("emotion/shelf/info")


def test_short_names_have_one_meaning() -> None:
    assert len(set(SHORT.values())) == len(SHORT)
