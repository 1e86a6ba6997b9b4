"""What Home Assistant asks of an announcement, as its documentation of MQTT discovery says; our own words and lists.

`test_real.py` holds the same announcement before a real Home Assistant, and these lists before its sources.
"""

from __future__ import annotations

import re
from typing import Any

SHORT = {
    "atype": "automation_type", "avty": "availability", "avty_mode": "availability_mode", "cmd_t": "command_topic",
    "cmps": "components", "def_ent_id": "default_entity_id",
    "dev": "device", "dev_cla": "device_class", "en": "enabled_by_default",
    "l_ver_t": "latest_version_topic", "l_ver_tpl": "latest_version_template",
    "ent_cat": "entity_category", "evt_typ": "event_types", "exp_aft": "expire_after", "ic": "icon",
    "json_attr_t": "json_attributes_topic", "json_attr_tpl": "json_attributes_template", "o": "origin",
    "ops": "options", "p": "platform", "pl": "payload", "pl_off": "payload_off", "pl_on": "payload_on",
    "pl_prs": "payload_press", "stat_cla": "state_class", "stat_t": "state_topic", "stype": "subtype", "t": "topic",
    "uniq_id": "unique_id", "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
}  # fmt: skip
COMMON = {
    "platform", "name", "default_entity_id", "unique_id", "enabled_by_default", "entity_category", "icon",
    "availability", "availability_mode", "json_attributes_topic", "json_attributes_template", "qos", "value_template",
    "device_class",
}  # fmt: skip
OWN = {
    "sensor": {"state_topic", "expire_after", "options", "state_class", "unit_of_measurement"},
    "binary_sensor": {"state_topic", "expire_after"},
    "switch": {"state_topic", "command_topic", "payload_on", "payload_off"},
    "number": {"state_topic", "command_topic", "min", "max", "step", "mode", "unit_of_measurement"},
    "select": {"state_topic", "command_topic", "options"},
    "button": {"command_topic", "payload_press"},
    "event": {"state_topic", "event_types"},
    "update": {"state_topic", "latest_version_topic", "latest_version_template", "title"},
}
TRIGGER = {"platform", "automation_type", "topic", "type", "subtype", "payload", "value_template", "qos"}
UNITS = {"duration": {"ms", "s"}, "temperature": {"°C"}, "data_size": {"MB"}}
CATEGORIES = {
    "sensor": {"diagnostic"},
    "binary_sensor": {"diagnostic"},
    "update": {"diagnostic"},
}  # "config" is for what can be set
TOPIC = re.compile(r"[^+#\x00]+")
ENTITY_ID = re.compile(r"[a-z_]+\.[a-z0-9]+(_[a-z0-9]+)*")
ICON = re.compile(r"mdi:[a-z0-9-]+")


def expanded(payload: dict[str, Any]) -> dict[str, Any]:
    """The announcement in long words."""
    long = {SHORT.get(key, key): value for key, value in payload.items()}
    long["components"] = {
        id_: {SHORT.get(key, key): value for key, value in one.items()} for id_, one in long["components"].items()
    }
    return long


def broken(payload: dict[str, Any]) -> list[str]:
    """One line for each rule that the (expanded) announcement breaks."""
    wrong = []
    if not payload["device"].get("identifiers"):
        wrong.append("the device has no identifier")
    if "name" not in payload["origin"]:
        wrong.append("the origin has no name")
    ids = [one["unique_id"] for one in payload["components"].values() if "unique_id" in one]
    wrong += [f"{id_} is there twice" for id_ in {id_ for id_ in ids if ids.count(id_) > 1}]
    named = [(one["platform"], one["name"]) for one in payload["components"].values() if "unique_id" in one]
    wrong += [f"two are called {name}" for name in {name for name in named if named.count(name) > 1}]
    triggers = [(one.get("type"), one.get("subtype")) for one in payload["components"].values() if "type" in one]
    wrong += [f"trigger {each} is there twice" for each in {each for each in triggers if triggers.count(each) > 1}]
    for id_, one in payload["components"].items():
        wrong += [f"{id_}: {line}" for line in _broken_by(one)]
    return wrong


def _broken_by(one: dict[str, Any]) -> list[str]:
    platform = one["platform"]
    if platform == "device_automation":
        return [f"{option}?" for option in {*one} ^ TRIGGER]
    wrong = [f"no option of a {platform}: {option}" for option in {*one} - COMMON - OWN[platform]]
    wrong += [f"{option} is missing" for option in ("unique_id", "name") if option not in one]
    if not ENTITY_ID.fullmatch(one.get("default_entity_id", "")):
        wrong.append("no entity id")
    wrong += [f"{key}: no topic" for key, value in one.items() if key.endswith("_topic") and not TOPIC.fullmatch(value)]
    if platform != "button" and "state_topic" not in one:
        wrong.append("nothing to show")
    if "icon" in one and not ICON.fullmatch(one["icon"]):
        wrong.append("icons look like mdi:name")
    if one.get("entity_category") not in {None, *CATEGORIES.get(platform, {"config"})}:
        wrong.append(f"a {platform} cannot be of the category {one['entity_category']}")
    if platform == "sensor" and "options" in one:
        if one.get("device_class") != "enum" or "state_class" in one or "unit_of_measurement" in one:
            wrong.append("options are for the class enum alone, without unit")
        if len(set(one["options"])) != len(one["options"]) or not one["options"]:
            wrong.append("options must be there, each once")
    units = UNITS.get(one.get("device_class", ""))
    if units and one.get("unit_of_measurement") not in units:
        wrong.append(f"unit {one.get('unit_of_measurement')} of {one['device_class']}")
    if "expire_after" in one and (not isinstance(one["expire_after"], int) or one["expire_after"] <= 0):
        wrong.append("expire_after is whole seconds")
    if platform == "number" and not (one["min"] < one["max"] and one["step"] >= 0.001):
        wrong.append("bounds")
    return wrong
