"""The device payload of Home Assistant's MQTT discovery: one retained message with all entities and triggers."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.homeassistant.device import Device
from edge.homeassistant.entities import WITHOUT_EMOTION, Entity, entities
from edge.homeassistant.places import MOST
from edge.homeassistant.settings import settings
from edge.language.catalogue import words

_TOPICS = {"state": "state_topic", "command": "command_topic", "attributes": "json_attributes_topic"}
# The shorter names that Home Assistant knows too: the message lies in every broker's memory for good.
_SHORT = {
    "availability": "avty", "availability_mode": "avty_mode", "automation_type": "atype", "command_topic": "cmd_t",
    "components": "cmps", "default_entity_id": "def_ent_id", "device": "dev",
    "device_class": "dev_cla", "enabled_by_default": "en",
    "latest_version_template": "l_ver_tpl", "latest_version_topic": "l_ver_t",
    "entity_category": "ent_cat", "event_types": "evt_typ", "expire_after": "exp_aft", "icon": "ic",
    "json_attributes_template": "json_attr_tpl", "json_attributes_topic": "json_attr_t", "options": "ops",
    "origin": "o", "payload": "pl", "payload_off": "pl_off", "payload_on": "pl_on", "payload_press": "pl_prs",
    "platform": "p", "state_class": "stat_cla", "state_topic": "stat_t", "subtype": "stype", "topic": "t",
    "unique_id": "uniq_id", "unit_of_measurement": "unit_of_meas", "value_template": "val_tpl",
}  # fmt: skip


def discovery_message(device: Device) -> str:
    """As JSON, with Home Assistant's abbreviations."""
    payload = {_SHORT.get(key, key): value for key, value in device_payload(device).items()}
    payload["cmps"] = {
        name: {_SHORT.get(key, key): value for key, value in component.items()}
        for name, component in payload["cmps"].items()
    }
    return msgspec.json.encode(payload).decode()


def device_payload(device: Device) -> dict[str, Any]:
    """The same in long words."""
    about: dict[str, Any] = {
        "identifiers": [f"emotion_edge_{device.id}"],
        "name": words(device.language)["ha.device"].format(device=device.name),
        "manufacturer": "Emotion Edge",
        "model": f"SAMPLE, nobody here ({device.board})" if device.sample else device.board,
        "sw_version": device.version,
    }
    if device.area:
        about["suggested_area"] = device.area
    if device.page:
        about["configuration_url"] = device.page
    return {
        "device": about,
        "origin": {"name": "Emotion Edge", "sw_version": device.version},
        "availability": [{"topic": f"{device.root}/availability"}],
        "availability_mode": "all",
        "qos": 1,
        "components": {
            **{entity.id: _component(entity, device) for entity in [*entities(device), *settings(device)]},
            **_triggers(device),
            # With nothing but its platform, Home Assistant removes a component.
            **(
                {f"person_{place}": {"platform": "sensor"} for place in range(1, MOST + 1)}
                if device.people_withdrawn
                else {}
            ),
        },
    }


def _component(entity: Entity, device: Device) -> dict[str, Any]:
    """As Home Assistant wants it. Its id there is the same in every language, so that examples fit."""
    fields = dict(entity.fields)
    own = f"emotion_{device.id}_{entity.id}" if entity.name else f"emotion_{device.id}"
    component: dict[str, Any] = {
        "platform": entity.platform,
        "unique_id": f"emotion_edge_{device.id}_{entity.id}",
        "default_entity_id": f"{entity.platform}.{own.lower().replace('-', '_')}",
        "name": entity.name,
    }
    if not fields.pop("enabled", True):
        component["enabled_by_default"] = False
    for name, option in _TOPICS.items():
        if name in fields:
            component[option] = f"{device.root}/{fields.pop(name)}"
    if entity.of_people:  # under privacy there is nothing to say about anybody
        component["availability"] = [
            {"topic": f"{device.root}/availability"},
            {"topic": f"{device.root}/privacy", "payload_available": "OFF", "payload_not_available": "ON"},
        ]
        component["availability_mode"] = "all"
    return component | fields


def _triggers(device: Device) -> dict[str, dict[str, Any]]:
    """What automations may start from. Home Assistant shows them as `"angry" began`, `"angry" ended`, `"person"
    appeared`, `"person" left`."""
    found = {}
    for label in (*device.labels, *WITHOUT_EMOTION):
        for kind, event in (("began", "state_entered"), ("ended", "state_left")):
            template = f"{{{{ value_json.label if value_json.event == '{event}' else '' }}}}"
            found[f"{kind}_{label}"] = _trigger(device, kind, label, label, template)
    for kind, event in (("appeared", "person_appeared"), ("left", "person_gone")):
        found[f"person_{kind}"] = _trigger(device, kind, "person", event, "{{ value_json.event }}")
    return found


def _trigger(device: Device, kind: str, subtype: str, payload: str, template: str) -> dict[str, Any]:
    return {
        "platform": "device_automation",
        "automation_type": "trigger",
        "topic": f"{device.root}/event",
        "type": kind,
        "subtype": subtype,
        "payload": payload,
        "value_template": template,
        "qos": 1,
    }
