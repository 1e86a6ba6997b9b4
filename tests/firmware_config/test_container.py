"""Container and add-on fit the service: their configs load, their files exist. Nothing is built here."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge.config.load import load
from edge.config.schema import DashboardConfig
from edge.config.secrets import mqtt_password
from edge.device import resources
from edge.language.catalogue import LANGUAGES
from edge.messages.status import BrokerStatus
from tests.helpers.metrics import heard

ROOT = Path(__file__).parents[2]
CONTAINER = resources.firmware_config() / "container"
ADDON = resources.firmware_config() / "home_assistant" / "addon"
yaml: Any = pytest.importorskip("yaml")
OPTIONS = {"name": "hall", "language": "de", "camera": "auto", "microphone": "none", "area": "Flur"}


@pytest.fixture
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("addon_start", ADDON / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_containers_config_is_one(tmp_path: Path) -> None:
    config = load(CONTAINER / "config.toml").config
    assert config.mqtt.host == "broker"
    assert config.metrics.enabled, "the health check reads them"
    text = (CONTAINER / "Dockerfile").read_text()
    (metric,) = re.findall(r"b'(emotion_edge_\w+)'", text)
    assert metric in heard().page(100.0, BrokerStatus())
    assert f"127.0.0.1:{config.metrics.port}/metrics" in text


@pytest.mark.parametrize("file", [CONTAINER / "Dockerfile", ADDON / "Dockerfile"], ids=["container", "add-on"])
def test_what_is_copied_exists_and_nothing_is_compiled(file: Path) -> None:
    text = file.read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists() or (ADDON / source).exists() or source == "source", source
    assert "build-essential" not in text
    assert "python3-pyaudio" in text


def test_compose_runs_without_root_on_a_read_only_system() -> None:
    found = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
    service = found["services"]["emotion-edge"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert (CONTAINER / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).exists()
    assert "\nUSER emotion-edge\n" in (CONTAINER / "Dockerfile").read_text()
    for volume in service["volumes"]:
        source = volume.partition(":")[0]
        assert source in found["volumes"] or (CONTAINER / source).exists()
    assert all(port.startswith("127.0.0.1:") for port in found["services"]["broker"]["ports"])


def test_compose_itself_reads_it() -> None:
    """By the schema of the real one, which needs no daemon for that."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(words[0])
            and subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0
        ):
            break
    else:
        pytest.skip("neither docker compose nor docker-compose is installed: apt install docker-compose")
    file = str(CONTAINER / "compose.yaml")
    done = subprocess.run([*words, "-f", file, "config"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    service = yaml.safe_load(done.stdout)["services"]["emotion-edge"]
    assert service["read_only"] is True
    assert Path(service["build"]["context"]) == ROOT


class Supervisor(BaseHTTPRequestHandler):
    """Says where the broker is to whoever has the token."""

    def do_GET(self) -> None:
        known = self.path == "/services/mqtt" and self.headers["Authorization"] == "Bearer token"
        broker = {"host": "core-mosquitto", "port": "1883", "ssl": False, "username": "addons", "password": 'a"b'}
        body = json.dumps({"result": "ok", "data": broker}).encode()
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_the_add_ons_options_become_a_config(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Supervisor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    started: list[list[str]] = []
    try:
        monkeypatch.setenv("SUPERVISOR_TOKEN", "token")
        monkeypatch.setattr(start, "SUPERVISOR", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(start.os, "execvp", lambda _, words: started.append(words))
        (tmp_path / "options.json").write_text(json.dumps(OPTIONS))
        start.main(tmp_path)
        start.main(tmp_path)  # a restart
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    config = load(tmp_path / "config.toml").config
    assert (config.device.name, config.device.language, config.home_assistant.area) == ("hall", "de", "Flur")
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.username) == ("core-mosquitto", 1883, "addons")
    assert mqtt_password(config.mqtt) == 'a"b'
    assert stat.S_IMODE((tmp_path / "mqtt-password").stat().st_mode) == 0o600
    assert config.dashboard.ingress == start.INGRESS
    assert not config.privacy.remote_off
    assert started[0][:2] == ["emotion-edge", "run"]


def test_the_add_ons_description_fits_the_service(start: ModuleType) -> None:
    found = yaml.safe_load((ADDON / "config.yaml").read_text())
    assert found["ingress_port"] == DashboardConfig().port
    assert found["schema"]["language"] == f"list({'|'.join(LANGUAGES)})"
    assert set(found["options"]) <= set(found["schema"])
    assert found["arch"] == ["aarch64", "amd64"]
    sections = start.config({**found["options"]}, {"host": "h", "port": 1}, Path("/nowhere"))
    assert "home_assistant" not in sections
    assert "username" not in sections["mqtt"]
