"""The add-on's description before the Supervisor's own validator."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.device import resources
from tests.homeassistant.rig import VARIABLE

yaml: Any = pytest.importorskip("yaml")
ADDON = resources.firmware_config() / "home_assistant" / "addon"
VALIDATOR = """
import json, sys
sys.path.insert(0, "/opt/supervisor")
import voluptuous
from supervisor.apps.validate import SCHEMA_APP_CONFIG
try:
    found = SCHEMA_APP_CONFIG(json.load(sys.stdin))
    print(json.dumps({"slug": found["slug"], "ingress_port": found["ingress_port"], "services": found["services"]}))
except voluptuous.Invalid as error:
    sys.exit(str(error))
"""


def validated(config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    tree = os.environ.get(VARIABLE, "")
    if not tree or not (Path(tree) / "opt" / "supervisor").exists():
        pytest.skip("no Supervisor here: scripts/home-assistant-test --supervisor DIR")
    command = ["chroot", tree, "env", "-i", "PATH=/usr/bin:/bin", "/opt/ha/bin/python", "-c", VALIDATOR]
    return subprocess.run(command, input=json.dumps(config), capture_output=True, text=True, timeout=60, check=False)


def description() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text())
    return found


def test_the_supervisor_takes_it() -> None:
    done = validated(description())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"slug": "emotion_edge", "ingress_port": 8470, "services": ["mqtt:need"]}
    assert "WARNING" not in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"arch": ["vax"]},
        {"startup": "soon"},
        {"services": ["mqtt:please"]},
        {"schema": {"name": "word"}},
        {"slug": "a b"},
    ],
)
def test_it_would_refuse_what_is_wrong(wrong: dict[str, Any]) -> None:
    assert validated({**description(), **wrong}).returncode != 0
