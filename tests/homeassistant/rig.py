"""A real Home Assistant, headless, set up as a person does it: onboarding, then the MQTT integration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers.broker import free_port, wait_for

VARIABLE = "EMOTION_EDGE_HOME_ASSISTANT"  # the tree that scripts/home-assistant-test makes

CONFIGURATION = """
homeassistant:
  name: Test
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
logger:
  default: warning
"""

_ABBREVIATIONS = """
import json
from homeassistant.components.mqtt import abbreviations as known
print(json.dumps(known.ABBREVIATIONS | known.DEVICE_ABBREVIATIONS | known.ORIGIN_ABBREVIATIONS))
"""
_OPTIONS = """
import importlib, json
found = {}
for name in ("sensor", "binary_sensor", "switch", "number", "select", "button", "event", "update"):
    module = importlib.import_module(f"homeassistant.components.mqtt.{name}")
    schema = module.PLATFORM_SCHEMA_MODERN
    while not hasattr(schema, "schema"):
        schema = schema.validators[0]
    found[name] = [str(key) for key in schema.schema] + ["platform"]
print(json.dumps(found))
"""


class HomeAssistant:
    """Started and stopped at will; its configuration stays."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.log = folder / "home-assistant.log"
        self._tree = tree
        self._folder = folder / "home-assistant"
        self._folder.mkdir()
        self._port = free_port()
        self._url = f"http://127.0.0.1:{self._port}"
        self._token = ""
        self._process: subprocess.Popen[bytes] | None = None
        (self._folder / "configuration.yaml").write_text(
            CONFIGURATION.format(port=self._port) + "automation: !include automations.yaml\n"
        )
        (self._folder / "automations.yaml").write_text("[]\n")

    def start(self) -> None:
        """Returns once it has started for good."""
        # In a mount namespace of its own: whatever happens, nothing stays mounted.
        enter = (
            'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mkdir -p "$1/config" && '
            'mount --bind "$2" "$1/config" && exec chroot "$1" env -i PATH=/opt/ha/bin:/usr/bin:/bin HOME=/root '
            "LANG=C.UTF-8 /opt/ha/bin/hass -c /config --skip-pip"
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, "sh", self._tree, self._folder],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_for(self._answers, 90, "Home Assistant to answer")
        if self._token:
            self._wait_until_running()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def onboard(self, broker_port: int) -> None:
        """The first owner, and the MQTT integration, by the same calls as the frontend's."""
        client = f"{self._url}/"
        person = {"client_id": client, "name": "T", "username": "t", "password": "only for this test", "language": "en"}
        code = self._call("POST", "/api/onboarding/users", person)["auth_code"]
        form = urllib.parse.urlencode({"grant_type": "authorization_code", "code": code, "client_id": client})
        request = urllib.request.Request(f"{self._url}/auth/token", form.encode())  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            self._token = json.load(answer)["access_token"]
        self._wait_until_running()
        flow = self._call("POST", "/api/config/config_entries/flow", {"handler": "mqtt"})
        if flow["type"] == "menu":
            flow = self._call("POST", f"/api/config/config_entries/flow/{flow['flow_id']}", {"next_step_id": "broker"})
        filled: dict[str, Any] = {"broker": "127.0.0.1", "port": broker_port}
        if any(field["name"] == "other_settings" for field in flow["data_schema"]):
            filled["other_settings"] = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
        done = self._call("POST", f"/api/config/config_entries/flow/{flow['flow_id']}", filled)
        assert done["type"] == "create_entry", done

    def states(self) -> dict[str, dict[str, Any]]:
        """By entity id."""
        return {one["entity_id"]: one for one in self._call("GET", "/api/states")}

    def state(self, entity: str) -> str | None:
        """None while there is no such entity."""
        try:
            return str(self._call("GET", f"/api/states/{entity}")["state"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def attributes(self, entity: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", f"/api/states/{entity}")["attributes"]
        return found

    def wait(self, entity: str, wanted: str | Callable[[str | None], bool] | None, seconds: float = 20) -> str | None:
        """Until the entity's state is, or satisfies, `wanted`."""

        def there() -> bool:
            state = self.state(entity)
            return wanted(state) if callable(wanted) else state == wanted

        wait_for(there, seconds, f"{entity} to be {wanted}")
        return self.state(entity)

    def act(self, service: str, **data: Any) -> None:
        """Call a service, such as `switch.turn_on`."""
        self._call("POST", f"/api/services/{service.replace('.', '/')}", data)

    def render(self, template: str) -> str:
        """What a template of Home Assistant's says."""
        return str(self._call("POST", "/api/template", {"template": template}))

    def automate(self, name: str, triggers: list[dict[str, Any]], topic: str, payload: str) -> None:
        """An automation that publishes `payload`, stored as the editor stores it."""
        action = {"action": "mqtt.publish", "data": {"topic": topic, "payload": payload}}
        body = {"alias": name, "triggers": triggers, "conditions": [], "actions": [action], "mode": "queued"}
        self._call("POST", f"/api/config/automation/config/{name}", body)
        wait_for(lambda: self.state(f"automation.{name}") == "on", 10, f"the automation {name}")

    def blueprint(self, file: Path) -> str:
        """Import a blueprint as its user does; returns the path by which automations use it."""
        folder = self._folder / "blueprints" / "automation" / "emotion_edge"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.read_bytes())
        return f"emotion_edge/{file.name}"

    def automate_with(self, name: str, blueprint: str, inputs: dict[str, Any]) -> None:
        """An automation made from a blueprint, stored as the editor stores it."""
        body = {"alias": name, "use_blueprint": {"path": blueprint, "input": inputs}}
        self._call("POST", f"/api/config/automation/config/{name}", body)
        wait_for(lambda: self.state(f"automation.{name}") == "on", 10, f"the automation {name}")

    def abbreviations(self) -> dict[str, str]:
        """The short names that it knows, from its own sources."""
        found: dict[str, str] = json.loads(self._python(_ABBREVIATIONS))
        return found

    def options(self) -> dict[str, set[str]]:
        """What its own schemas let be said of an entity, by platform."""
        return {platform: set(names) for platform, names in json.loads(self._python(_OPTIONS)).items()}

    def complaints(self) -> list[str]:
        """What it logged about MQTT and about templates."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [
            line
            for line in lines
            if ("WARNING" in line or "ERROR" in line) and ("mqtt" in line.lower() or "emotion" in line.lower())
        ]

    def _python(self, script: str) -> str:
        words = ["chroot", str(self._tree), "/opt/ha/bin/python", "-c", script]
        done = subprocess.run(words, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def _wait_until_running(self) -> None:
        wait_for(lambda: self._call("GET", "/api/config")["state"] == "RUNNING", 90, "Home Assistant to have started")

    def _answers(self) -> bool:
        try:
            self._call("GET", "/api/onboarding")
        except (OSError, urllib.error.HTTPError):
            return False
        return True

    def _call(self, method: str, path: str, data: Any = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            if error.code == 400:
                raise AssertionError(f"{path}: {data}: {error.read().decode()}") from None
            raise
        return json.loads(text) if answer.headers.get_content_type() == "application/json" else text
