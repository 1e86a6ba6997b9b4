"""Run by Home Assistant's Python: what the parts that we use, and those that always start, want to have installed."""

from __future__ import annotations

import json
from pathlib import Path

from homeassistant import bootstrap

PARTS = Path(bootstrap.__file__).parent / "components"


def requirements(names: list[str]) -> list[str]:
    """Of these integrations and all that they depend on."""
    wanted: list[str] = []
    seen: set[str] = set()
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        manifest = json.loads((PARTS / name / "manifest.json").read_text())
        wanted += manifest.get("requirements", [])
        names += manifest.get("dependencies", [])
    return sorted(set(wanted))


print("\n".join(requirements([*bootstrap.DEFAULT_INTEGRATIONS, "mqtt", "config", "onboarding", "hassio"])))
