"""What automations may start from, in two clicks: device triggers, fired by our events."""

from __future__ import annotations

from typing import Any

from edge.homeassistant.entities import WITHOUT_EMOTION
from edge.homeassistant.facts import Facts


def triggers(facts: Facts) -> dict[str, dict[str, Any]]:
    """By id. Home Assistant shows them as `"angry" began`, `"angry" ended`, `"person" appeared`, `"person" left`."""
    found = {}
    for label in (*facts.labels, *WITHOUT_EMOTION):
        for kind, event in (("began", "state_entered"), ("ended", "state_left")):
            template = f"{{{{ value_json.label if value_json.event == '{event}' else '' }}}}"
            found[f"{kind}_{label}"] = _trigger(facts, kind, label, label, template)
    for kind, event in (("appeared", "person_appeared"), ("left", "person_gone")):
        found[f"person_{kind}"] = _trigger(facts, kind, "person", event, "{{ value_json.event }}")
    return found


def _trigger(facts: Facts, kind: str, subtype: str, payload: str, template: str) -> dict[str, Any]:
    return {
        "platform": "device_automation",
        "automation_type": "trigger",
        "topic": f"{facts.root}/event",
        "type": kind,
        "subtype": subtype,
        "payload": payload,
        "value_template": template,
        "qos": 1,
    }
