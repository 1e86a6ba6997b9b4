"""What a trial found, on the screen and in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def finished(record: dict[str, Any], file: Path | None) -> int:
    """Print the record, keep it in `file` if there is one; the exit status, 1 if something does not hold."""
    text = json.dumps(record, indent=1)
    print(text)
    if file:
        file.write_text(text + "\n", "utf-8")
    return int(bool(record["result"]["wrong"]))
