"""The samples for other tools, read."""

from __future__ import annotations

import json
from typing import Any

from edge.config.files import parse
from edge.device import resources

SAMPLES = resources.firmware_config()
FLOW: list[dict[str, Any]] = json.loads((SAMPLES / "nodered" / "emotion-edge.json").read_text())
WORDS: list[dict[str, Any]] = json.loads((SAMPLES / "nodered" / "words.json").read_text())
DASHBOARD = json.loads((SAMPLES / "grafana" / "emotion-edge.json").read_text())
TELEGRAF = parse((SAMPLES / "telegraf" / "emotion-edge.conf").read_text())
RARE = {"emotion_edge_temperature_celsius", "emotion_edge_throttled"}  # not every board knows
