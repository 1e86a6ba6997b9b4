"""What the device shows in Home Assistant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, get_args

from edge.homeassistant.device import Device
from edge.language.catalogue import words
from edge.messages.payloads import Reason
from edge.messages.topics import health_valid_s, state_valid_s

WITHOUT_EMOTION = ("uncertain", "absent")


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity, before it is written as Home Assistant wants it. Without a name it goes by the device's.

    `fields` are Home Assistant's own options, except these: `state`, `command` and `attributes` are topics below ours,
    and `enabled` says whether it shows from the start. `of_people` entities are unavailable under privacy.
    """

    platform: str
    id: str
    name: str | None
    fields: dict[str, Any] = field(default_factory=dict)
    of_people: bool = False


def entities(device: Device) -> list[Entity]:
    """All but the settings and triggers."""
    return [
        *_scene(device),
        *_persons(device),
        *_probabilities(device),
        *_health(device),
        _privacy(device),
        _reset(device),
        _update(device),
    ]


def _scene(device: Device) -> list[Entity]:
    """The scene, from `state`: published on every change and repeated, so that it expires soon after it stops."""
    say = words(device.language)
    scene = {"state": "state", "expire_after": math.ceil(state_valid_s(device.state_every_s))}
    measure = scene | {"state_class": "measurement"}
    numbers: list[tuple[str, str, str, dict[str, Any]]] = [
        ("confidence", say["ha.confidence"], _felt("(100 * value_json.confidence) | round(1)"),
         {"icon": "mdi:percent-circle-outline", "unit_of_measurement": "%"}),
        ("valence", say["ha.valence"], _felt("value_json.valence"), {"icon": "mdi:heart-half-full"}),
        ("arousal", say["ha.arousal"], _felt("value_json.arousal"), {"icon": "mdi:lightning-bolt"}),
        ("people", say["ha.people"], "{{ value_json.people }}", {"icon": "mdi:account-group"}),
    ]  # fmt: skip
    return [
        Entity(
            "sensor", "emotion", None,
            {
                **scene,
                "device_class": "enum",
                "options": [*device.labels, *WITHOUT_EMOTION],
                "value_template": "{{ value_json.label }}",
                "icon": "mdi:emoticon-outline",
                "attributes": "state",
                "json_attributes_template":
                    "{{ {'since': value_json.since, 'modalities': value_json.modalities, 'reason': value_json.reason}"
                    " | tojson }}",
            },
            of_people=True,
        ),
        *(
            Entity("sensor", name, label, {**measure, "value_template": template, **more}, of_people=True)
            for name, label, template, more in numbers
        ),
        Entity(
            "sensor", "reason", say["ha.reason"],
            {
                **scene,
                "device_class": "enum",
                "options": list(get_args(Reason)),
                "value_template": "{{ value_json.reason }}",
                "icon": "mdi:help-circle-outline",
            },
            of_people=True,
        ),
        Entity(
            "binary_sensor", "presence", say["ha.presence"],
            {
                **scene,
                "device_class": "occupancy",
                "value_template": "{{ 'ON' if value_json.people > 0 or value_json.label != 'absent' else 'OFF' }}",
            },
            of_people=True,
        ),
        _event(device),
    ]  # fmt: skip


def _persons(device: Device) -> list[Entity]:
    """Each person in view, where the owner has that published: one place for each who is there at the same time."""
    say = words(device.language)
    return [
        Entity(
            "sensor", f"person_{place}", say["ha.person"].format(number=place),
            {
                "state": f"person/{track}",
                "expire_after": 10 + math.ceil(1 / device.max_hz),
                "device_class": "enum",
                "options": [*device.labels, *WITHOUT_EMOTION],
                "value_template": "{{ value_json.state }}",
                "icon": "mdi:account",
                "attributes": f"person/{track}",
                "json_attributes_template":
                    "{{ {'reason': value_json.reason, 'speaking': value_json.speaking} | tojson }}",
            },
            of_people=True,
        )
        for place, track in enumerate(device.people, 1)
    ]  # fmt: skip


def _felt(value: str) -> str:
    """Unknown while there is no emotion to measure."""
    return f"{{{{ {value} if value_json.label not in {list(WITHOUT_EMOTION)} else None }}}}"


def _event(device: Device) -> Entity:
    became = [f"became_{label}" for label in (*device.labels, *WITHOUT_EMOTION)]
    return Entity(
        "event", "event", words(device.language)["ha.event"],
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


def _probabilities(device: Device) -> list[Entity]:
    """Each label's share of the moment. Off at first: twice a second is a lot for a recorder."""
    say = words(device.language)
    return [
        Entity(
            "sensor", f"probability_{label}", say["ha.probability"].format(label=say[f"state.{label}"]),
            {
                "state": "reading",
                "expire_after": 10 + math.ceil(1 / device.max_hz),
                "value_template": f"{{{{ (100 * value_json.probabilities.{label}) | round(1) }}}}",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "icon": "mdi:chart-bell-curve",
                "enabled": False,
            },
            of_people=True,
        )
        for label in device.labels
    ]  # fmt: skip


def _health(device: Device) -> list[Entity]:
    """Camera, microphone and the board."""
    say = words(device.language)
    senses = [
        Entity(
            "sensor", sense, say[f"ha.{sense}"],
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
        "expire_after": math.ceil(health_valid_s(device.health_every_s)),
        "entity_category": "diagnostic",
    }
    numbers: list[tuple[str, str, str, dict[str, Any]]] = [
        ("fps", say["ha.fps"], "{{ value_json.fps }}", {"icon": "mdi:filmstrip", "unit_of_measurement": "fps"}),
        ("latency", say["ha.latency"], "{{ value_json.latency_ms.median if value_json.latency_ms else None }}",
         {"device_class": "duration", "unit_of_measurement": "ms"}),
        ("temperature", say["ha.temperature"], "{{ value_json.temperature_c }}",
         {"device_class": "temperature", "unit_of_measurement": "°C"}),
        ("cpu", say["ha.cpu"], "{{ value_json.cpu_percent }}", {"icon": "mdi:chip", "unit_of_measurement": "%"}),
        ("memory", say["ha.memory"], "{{ value_json.rss_mb }}",
         {"device_class": "data_size", "unit_of_measurement": "MB"}),
        ("waiting", say["ha.waiting"], "{{ value_json.outbox }}", {"icon": "mdi:tray-full", "enabled": False}),
        ("dropped", say["ha.dropped"], "{{ value_json.frames_dropped }}",
         {"icon": "mdi:tray-remove", "state_class": "total_increasing", "enabled": False}),
    ]  # fmt: skip
    return [
        *senses,
        *(
            Entity("sensor", name, label, {**health, "state_class": "measurement", "value_template": template, **more})
            for name, label, template, more in numbers
            if name != "temperature" or device.has_temperature
        ),
        *([_throttled(device, health)] if device.has_throttling else []),
    ]  # fmt: skip


def _throttled(device: Device, health: dict[str, Any]) -> Entity:
    return Entity(
        "binary_sensor", "throttled", words(device.language)["ha.throttled"],
        health | {
            "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.throttled else 'OFF' }}",
            "enabled": False,
        },
    )  # fmt: skip


def _privacy(device: Device) -> Entity:
    """Never optimistic: it shows what the device says. Why an "off" was refused stands in its attributes."""
    return Entity(
        "switch", "privacy", words(device.language)["ha.privacy"],
        {
            "state": "privacy",
            "command": "privacy/set",
            "attributes": "response/privacy",
            "json_attributes_template": "{{ {'refused': value_json.error} | tojson }}",
            "icon": "mdi:eye-off",
        },
    )  # fmt: skip


def _reset(device: Device) -> Entity:
    return Entity(
        "button", "reset", words(device.language)["ha.reset"],
        {
            "command": "request/reset",
            "payload_press": "{}",
            "entity_category": "config",
            "icon": "mdi:restore",
            "enabled": False,
        },
    )  # fmt: skip


# Whichever of the two topics is heard first, the newer version wins.
_INSTALLED = (
    "{% set here, known = value_json.version, this.attributes.latest_version %}"
    "{% set newer = known and version(known) > version(here) %}"
    "{{ {'installed_version': here, 'latest_version': known if newer else here} | tojson }}"
)
_LATEST = (
    "{% set here = this.attributes.installed_version %}"
    "{{ here if here and (not value or version(here) > version(value)) else value }}"
)


def _update(device: Device) -> Entity:
    """Which version is installed, and whether a newer one is known. A device at home asks nobody in the Internet: the
    owner, or who looks after a fleet, publishes the newest version's number. Until then, and where that number is
    older, the installed version is the latest that is known. It stays available while the device is off: Home
    Assistant forgets an unavailable entity's attributes, and with them the number that was published."""
    return Entity(
        "update", "update", words(device.language)["ha.update"],
        {
            "state": "info",
            "value_template": _INSTALLED,
            "latest_version_topic": device.release_topic,
            "latest_version_template": _LATEST,
            "availability": [],
            "title": "Emotion Edge",
            "device_class": "firmware",
            "entity_category": "diagnostic",
        },
    )  # fmt: skip
