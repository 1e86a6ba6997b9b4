"""The device payload of Home Assistant's MQTT discovery: one retained message that describes everything we have."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.homeassistant.entities import entities
from edge.homeassistant.entity import Entity
from edge.homeassistant.facts import Facts
from edge.homeassistant.knobs import knobs
from edge.homeassistant.names import device_id
from edge.homeassistant.triggers import triggers

_TOPICS = {"state": "state_topic", "command": "command_topic", "attributes": "json_attributes_topic"}
# The shorter names that Home Assistant knows too: the message lies in every broker's memory for good.
_SHORT = {
    "availability": "avty", "availability_mode": "avty_mode", "automation_type": "atype", "command_topic": "cmd_t",
    "components": "cmps", "device": "dev", "device_class": "dev_cla", "enabled_by_default": "en",
    "entity_category": "ent_cat", "event_types": "evt_typ", "expire_after": "exp_aft", "icon": "ic",
    "json_attributes_template": "json_attr_tpl", "json_attributes_topic": "json_attr_t", "options": "ops",
    "origin": "o", "payload": "pl", "payload_off": "pl_off", "payload_on": "pl_on", "payload_press": "pl_prs",
    "platform": "p", "state_class": "stat_cla", "state_topic": "stat_t", "subtype": "stype", "topic": "t",
    "unique_id": "uniq_id", "unit_of_measurement": "unit_of_meas", "value_template": "val_tpl",
}  # fmt: skip


def announcement(facts: Facts) -> str:
    """As JSON, with Home Assistant's abbreviations."""
    payload = {_SHORT.get(key, key): value for key, value in device_payload(facts).items()}
    payload["cmps"] = {
        name: {_SHORT.get(key, key): value for key, value in component.items()}
        for name, component in payload["cmps"].items()
    }
    return msgspec.json.encode(payload).decode()


def device_payload(facts: Facts) -> dict[str, Any]:
    """The same in long words."""
    id_ = device_id(facts.base, facts.device)
    return {
        "device": {
            "identifiers": [f"emotion_edge_{id_}"],
            "name": f"Emotion {facts.device}",
            "manufacturer": "Emotion Edge",
            "model": facts.board,
            "sw_version": facts.version,
        },
        "origin": {"name": "Emotion Edge", "sw_version": facts.version},
        "availability": [{"topic": f"{facts.root}/availability"}],
        "availability_mode": "all",
        "qos": 1,
        "components": {
            **{entity.id: _component(entity, facts, id_) for entity in [*entities(facts), *knobs()]},
            **triggers(facts),
        },
    }


def _component(entity: Entity, facts: Facts, id_: str) -> dict[str, Any]:
    fields = dict(entity.fields)
    component: dict[str, Any] = {
        "platform": entity.platform,
        "unique_id": f"emotion_edge_{id_}_{entity.id}",
        "name": entity.name,
    }
    if not fields.pop("enabled", True):
        component["enabled_by_default"] = False
    for name, option in _TOPICS.items():
        if name in fields:
            component[option] = f"{facts.root}/{fields.pop(name)}"
    if entity.of_people:  # while nobody looks there is nothing to say about anybody
        component["availability"] = [
            {"topic": f"{facts.root}/availability"},
            {"topic": f"{facts.root}/privacy", "payload_available": "OFF", "payload_not_available": "ON"},
        ]
        component["availability_mode"] = "all"
    return component | fields
