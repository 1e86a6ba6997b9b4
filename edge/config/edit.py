"""Sets keys in the text of a config file and leaves every other line as its owner wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edge.config.values import toml


def with_values(text: str, changes: Mapping[str, Any]) -> str:
    """`text` with dotted keys set, in the lines where they are or where they are commented out as `#key = ...`."""
    for key, value in changes.items():
        text = _with_value(text, key, toml(value))
    return text


def _with_value(text: str, key: str, written: str) -> str:
    section, _, name = key.rpartition(".")
    lines = text.splitlines()
    header = next((index for index, line in enumerate(lines) if re.match(rf"\s*\[\s*{section}\s*\]", line)), None)
    if header is None:
        return "\n".join([*lines, "", f"[{section}]", f"{name} = {written}", ""])
    end = next((index for index in range(header + 1, len(lines)) if re.match(r"\s*\[", lines[index])), len(lines))
    for pattern in (rf"\s*{name}\s*=", rf"#{name}\s*="):
        for index in range(header + 1, end):
            if re.match(pattern, lines[index]):
                lines[index] = f"{name} = {written}"
                return "\n".join([*lines, ""])
    lines.insert(header + 1, f"{name} = {written}")
    return "\n".join([*lines, ""])
