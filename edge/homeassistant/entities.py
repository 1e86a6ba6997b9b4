"""What the device shows in Home Assistant: pure, from facts to entities."""

from __future__ import annotations

import math
from typing import Any

from edge.homeassistant.entity import Entity
from edge.homeassistant.facts import Facts
from edge.messages.topics import health_valid_s, state_valid_s

WITHOUT_EMOTION = ("uncertain", "absent")


def entities(facts: Facts) -> list[Entity]:
    """All but the knobs and triggers."""
    return [*_people(facts), *_probabilities(facts), *_device(facts), _privacy(), _reset()]


def _people(facts: Facts) -> list[Entity]:
    """The scene, from `state`: told on every change and repeated, so that it expires soon after it stops."""
    told = {"state": "state", "expire_after": math.ceil(state_valid_s(facts.state_every_s))}
    measure = told | {"state_class": "measurement"}
    numbers: list[tuple[str, str, str, dict[str, Any]]] = [
        ("confidence", "Confidence", _felt("(100 * value_json.confidence) | round(1)"),
         {"icon": "mdi:percent-circle-outline", "unit_of_measurement": "%"}),
        ("valence", "Valence", _felt("value_json.valence"), {"icon": "mdi:heart-half-full"}),
        ("arousal", "Arousal", _felt("value_json.arousal"), {"icon": "mdi:lightning-bolt"}),
        ("people", "People in view", "{{ value_json.people }}", {"icon": "mdi:account-group"}),
    ]  # fmt: skip
    return [
        Entity(
            "sensor", "emotion", "Emotion",
            {
                **told,
                "device_class": "enum",
                "options": [*facts.labels, *WITHOUT_EMOTION],
                "value_template": "{{ value_json.label }}",
                "icon": "mdi:emoticon-outline",
                "attributes": "state",
                "json_attributes_template":
                    "{{ {'since': value_json.since, 'modalities': value_json.modalities} | tojson }}",
            },
            of_people=True,
        ),
        *(
            Entity("sensor", name, label, {**measure, "value_template": template, **more}, of_people=True)
            for name, label, template, more in numbers
        ),
        Entity(
            "binary_sensor", "presence", "Presence",
            {
                **told,
                "device_class": "occupancy",
                "value_template": "{{ 'ON' if value_json.people > 0 or value_json.label != 'absent' else 'OFF' }}",
            },
            of_people=True,
        ),
        _event(facts),
    ]  # fmt: skip


def _felt(value: str) -> str:
    """Unknown while there is no emotion to measure."""
    return f"{{{{ {value} if value_json.label not in {list(WITHOUT_EMOTION)} else None }}}}"


def _event(facts: Facts) -> Entity:
    became = [f"became_{label}" for label in (*facts.labels, *WITHOUT_EMOTION)]
    return Entity(
        "event", "event", "Event",
        {
            "state": "event",
            "event_types": [*became, "person_appeared", "person_gone"],
            "value_template": (
                "{% if value_json.event == 'state_entered' %}"
                "{{ {'event_type': 'became_' ~ value_json.label, 'previous': value_json.previous, "
                "'people': value_json.people} | tojson }}"
                "{% elif value_json.event in ['person_appeared', 'person_gone'] %}"
                "{{ {'event_type': value_json.event, 'people': value_json.people} | tojson }}{% endif %}"
            ),
            "icon": "mdi:emoticon-excited-outline",
        },
    )  # fmt: skip


def _probabilities(facts: Facts) -> list[Entity]:
    """Each label's share of the moment. Off at first: twice a second is a lot for a recorder."""
    return [
        Entity(
            "sensor", f"probability_{label}", f"Probability {label}",
            {
                "state": "reading",
                "expire_after": 10 + math.ceil(1 / facts.max_hz),
                "value_template": f"{{{{ (100 * value_json.probabilities.{label}) | round(1) }}}}",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "icon": "mdi:chart-bell-curve",
                "enabled": False,
            },
            of_people=True,
        )
        for label in facts.labels
    ]  # fmt: skip


def _device(facts: Facts) -> list[Entity]:
    """How camera, microphone and the board fare."""
    senses = [
        Entity(
            "sensor", sense, sense.capitalize(),
            {
                "state": f"status/{sense}",
                "device_class": "enum",
                "options": ["online", "offline", "disabled"],
                "value_template": "{{ value_json.state }}",
                "attributes": f"status/{sense}",
                "json_attributes_template": "{{ {'reason': value_json.reason} | tojson }}",
                "icon": icon,
                "entity_category": "diagnostic",
            },
        )
        for sense, icon in (("camera", "mdi:camera"), ("microphone", "mdi:microphone"))
    ]  # fmt: skip
    health = {
        "state": "health",
        "expire_after": math.ceil(health_valid_s(facts.health_every_s)),
        "entity_category": "diagnostic",
    }
    numbers: list[tuple[str, str, str, dict[str, Any]]] = [
        ("fps", "Frames per second", "{{ value_json.fps }}", {"icon": "mdi:filmstrip", "unit_of_measurement": "fps"}),
        ("latency", "Latency", "{{ value_json.latency_ms.median if value_json.latency_ms else None }}",
         {"device_class": "duration", "unit_of_measurement": "ms"}),
        ("temperature", "Temperature", "{{ value_json.temperature_c }}",
         {"device_class": "temperature", "unit_of_measurement": "°C"}),
        ("cpu", "CPU", "{{ value_json.cpu_percent }}", {"icon": "mdi:chip", "unit_of_measurement": "%"}),
        ("memory", "Memory", "{{ value_json.rss_mb }}", {"device_class": "data_size", "unit_of_measurement": "MB"}),
        ("waiting", "Messages waiting", "{{ value_json.outbox }}", {"icon": "mdi:tray-full", "enabled": False}),
        ("dropped", "Frames dropped", "{{ value_json.frames_dropped }}",
         {"icon": "mdi:tray-remove", "state_class": "total_increasing", "enabled": False}),
    ]  # fmt: skip
    return [
        *senses,
        *(
            Entity("sensor", name, label, {**health, "state_class": "measurement", "value_template": template, **more})
            for name, label, template, more in numbers
        ),
        Entity(
            "binary_sensor", "throttled", "Throttled",
            health | {
                "device_class": "problem",
                "value_template": "{{ 'ON' if value_json.throttled else 'OFF' }}",
                "enabled": False,
            },
        ),
    ]  # fmt: skip


def _privacy() -> Entity:
    """Never optimistic: it shows what the device says. A refused "off" is told in its attributes."""
    return Entity(
        "switch", "privacy", "Privacy",
        {
            "state": "privacy",
            "command": "privacy/set",
            "attributes": "response/privacy",
            "json_attributes_template": "{{ {'refused': value_json.error} | tojson }}",
            "icon": "mdi:eye-off",
        },
    )  # fmt: skip


def _reset() -> Entity:
    return Entity(
        "button", "reset", "Reset live changes",
        {
            "command": "request/reset",
            "payload_press": "{}",
            "entity_category": "config",
            "icon": "mdi:restore",
            "enabled": False,
        },
    )  # fmt: skip
