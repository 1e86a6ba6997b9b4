"""A slice of scripts/soak: nothing is lost, and nothing leaks that would show in so short a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.soak.rig import Rig
from tests.faults.soak.tally import Tally
from tests.helpers.broker import MOSQUITTO

SECONDS = float(os.environ.get("EMOTION_EDGE_SOAK_S", "15"))
GROWTH_MB = 12.0  # caches and arenas still fill


@pytest.mark.timeout(300 + SECONDS)
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt install mosquitto")
def test_a_slice_of_the_soak(tmp_path: Path) -> None:
    run = Rig(tmp_path, seed=20_261_121).run(SECONDS, lambda _: False, print)
    record = Tally([run]).record()
    assert not run.wrong, record
    assert sum(run.faults.values()) > 0
    assert run.frames > 100
    assert run.sound_s > 5
    later = run.samples[len(run.samples) // 2 :]
    assert later[-1].rss_mb - later[0].rss_mb < GROWTH_MB
    assert not record["verdict"], record
