"""What the doctor looks at, made up for one test at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.config.load import load
from edge.device.board import Board
from edge.device.clock import SystemClock
from edge.doctor.findings import Subject
from tests.helpers.doctor import MakeSubject
from tests.helpers.service import toml


@pytest.fixture
def subject(tmp_path: Path) -> MakeSubject:
    """A device with this config (sections by keyword); `changed` replaces parts of what the doctor sees."""

    def make(changed: dict[str, Any] | None = None, **sections: dict[str, Any]) -> Subject:
        config = tmp_path / "config.toml"
        config.write_text(toml(**sections))
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        made = Subject(load(config), None, config, state, Board("laptop", "test"), SystemClock())
        return replace(made, **(changed or {}))

    return make
