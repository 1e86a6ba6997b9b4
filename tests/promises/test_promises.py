"""The promises that take no longer than a minute, as tests; scripts/promises replays all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promises.__main__ import replay
from tests.promises.registry import Promise, promises

SHORT = [one for one in promises() if one.minutes <= 1.0]


@pytest.mark.parametrize("one", SHORT, ids=lambda one: f"{one.number}-{one.title.replace(' ', '-')}")
def test_is_kept(one: Promise, tmp_path: Path, video: Path, audio: Path) -> None:
    assert replay(one, tmp_path, video, audio)
