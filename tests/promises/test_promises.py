"""The promises that take no longer than a minute, as tests; scripts/promises replays all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import media
from tests.promises.__main__ import replay
from tests.promises.registry import Promise, promises

SHORT = [one for one in promises() if one.minutes <= 1.0]


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write_video(tmp_path_factory.mktemp("media") / "face.mp4")


@pytest.fixture(scope="session")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write_speech(tmp_path_factory.mktemp("media") / "voice.wav")


@pytest.mark.parametrize("one", SHORT, ids=lambda one: f"{one.number}-{one.title.replace(' ', '-')}")
def test_is_kept(one: Promise, tmp_path: Path, video: Path, audio: Path) -> None:
    assert replay(one, tmp_path, video, audio)
