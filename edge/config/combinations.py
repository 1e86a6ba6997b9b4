"""Values that are right each by itself and wrong together, and what no type can say."""

from __future__ import annotations

import ipaddress

from edge.config.schema import Config
from edge.readings import LABELS

_PROHIBITED = {"work": "at the workplace", "school": "in education"}


def problems(config: Config) -> list[str]:
    """What is wrong, each as `path: what is wrong, what is allowed`."""
    found = []
    if config.device.use in _PROHIBITED:
        found.append(
            f'device.use: "{config.device.use}" is refused: inferring emotions {_PROHIBITED[config.device.use]} is '
            "prohibited by the EU AI Act (Regulation (EU) 2024/1689, Article 5 (1) (f)); allowed: home, public, "
            "research, art, and medical or safety, which that article excepts"
        )
    if config.decision.exit > config.decision.enter:
        found.append(
            f"decision.exit: {config.decision.exit} is above decision.enter ({config.decision.enter}); "
            "it must not be, or a state would be left as soon as it is entered"
        )
    for key, prior in (
        ("face.prior", config.face.prior), ("face.rest", config.face.rest), ("speech.prior", config.speech.prior)
    ):  # fmt: skip
        found += [
            f"{key}.{label}: no such label; allowed: {', '.join(LABELS)}" for label in prior if label not in LABELS
        ]
    host = config.mqtt.host
    if "://" in host or "@" in host or "/" in host or host.strip() != host or host.count(":") == 1:
        found.append(
            "mqtt.host: must be a host name or address alone; "
            "the port goes to mqtt.port, the user to mqtt.username, mqtts:// is mqtt.tls = true"
        )
    if bool(config.mqtt.cert_file) != bool(config.mqtt.key_file):
        found.append("mqtt.cert_file: a client certificate needs both mqtt.cert_file and mqtt.key_file")
    if (config.mqtt.ca_file or config.mqtt.cert_file) and not config.mqtt.tls:
        found.append("mqtt.tls: must be true when mqtt.ca_file or mqtt.cert_file is set")
    if config.mqtt.password_file and not config.mqtt.username:
        found.append("mqtt.username: must be set when mqtt.password_file is")
    try:
        ipaddress.ip_address(config.dashboard.listen)
    except ValueError:
        found.append('dashboard.listen: must be an address of this device, such as "127.0.0.1", or "0.0.0.0" for all')
    if not (config.camera.enabled or config.microphone.enabled):
        found.append("camera.enabled: camera and microphone are both disabled; enable at least one")
    if config.privacy.led_pin is not None and config.privacy.led_pin == config.privacy.mute_pin:
        found.append(f"privacy.mute_pin: {config.privacy.mute_pin} is the LED's pin too; allowed: another pin")
    found += [
        f"privacy.quiet_hours[{index}].end: is the same as start ({hours.start}), so they would never begin; "
        "allowed: another time of day"
        for index, hours in enumerate(config.privacy.quiet_hours)
        if hours.start == hours.end
    ]
    return found
