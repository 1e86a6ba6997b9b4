"""Start of the add-on: the Supervisor's options and broker become a config, then the service takes over the process."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

SUPERVISOR = os.environ.get("EMOTION_EDGE_SUPERVISOR", "http://supervisor")
INGRESS = "172.30.32.2"  # where the Supervisor's ingress comes from


def broker() -> dict[str, Any]:
    """The MQTT broker that Home Assistant uses."""
    request = urllib.request.Request(  # noqa: S310 - the Supervisor's own address
        f"{SUPERVISOR}/services/mqtt", headers={"Authorization": f"Bearer {os.environ.get('SUPERVISOR_TOKEN', '')}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)["data"]
    return found


def config(options: dict[str, Any], mqtt: dict[str, Any], data: Path) -> dict[str, dict[str, Any]]:
    """The config's sections. The password goes into a file that nobody else may read."""
    sections: dict[str, dict[str, Any]] = {
        "device": {"name": options["name"], "language": options["language"]},
        "camera": {"source": options["camera"]},
        "microphone": {"source": options["microphone"]},
        "mqtt": {"host": mqtt["host"], "port": int(mqtt["port"]), "tls": bool(mqtt.get("ssl"))},
        "dashboard": {"enabled": True, "listen": "0.0.0.0", "port": 8470, "ingress": INGRESS},  # noqa: S104
    }
    if options.get("area"):
        sections["home_assistant"] = {"area": options["area"]}
    if mqtt.get("username"):
        secret = data / "mqtt-password"
        secret.touch(mode=0o600)
        secret.write_text(mqtt.get("password", "") + "\n")
        sections["mqtt"] |= {"username": mqtt["username"], "password_file": str(secret)}
    return sections


def toml(sections: dict[str, dict[str, Any]]) -> str:
    """As text; a JSON value of these kinds is a TOML value."""
    lines = ["config_version = 1"]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def main(data: Path) -> None:
    options = json.loads((data / "options.json").read_text())
    file = data / "config.toml"
    file.write_text(toml(config(options, broker(), data)))
    os.execvp("emotion-edge", ["emotion-edge", "run", "--config", str(file), "--state", str(data / "state")])  # noqa: S606


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/data"))
