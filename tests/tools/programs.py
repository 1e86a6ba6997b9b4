"""Other people's programs, where scripts/tools-test puts them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

VARIABLE = "EMOTION_EDGE_TOOLS"


def tool(path: str) -> Path:
    """A file that scripts/tools-test fetched, or a skipped test."""
    folder = os.environ.get(VARIABLE)
    found = Path(folder) / path if folder else None
    if found is None or not found.exists():
        pytest.skip(f"{Path(path).name} is not here: scripts/tools-test fetches it and runs these tests")
    return found


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
