"""A slice of scripts/soak: nothing is lost, and nothing leaks that would show in so short a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.soak.rig import Rig
from tests.faults.soak.tally import Run, Sample, Tally
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


def _a_day(rss_mb: Callable[[float], float]) -> Tally:
    samples = [Sample(60.0 * minute, rss_mb(minute / 60), 10, 7, 5) for minute in range(24 * 60)]
    return Tally([Run(1, 4000.0, 86_400.0, 2_000_000, 0, 86_400.0, 0.0, {}, {}, 0, [], samples)])


def test_what_leaks_slowly_is_found_and_what_fills_once_is_not() -> None:
    assert _a_day(lambda _: 200.0).record()["verdict"] == []
    assert _a_day(lambda hour: 200.0 + min(hour, 8.0)).record()["verdict"] == []
    leaking = _a_day(lambda hour: 200.0 + hour * 1.5 / 24).record()
    assert ["grows by 1.50 MB" in line for line in leaking["verdict"]] == [True]
    assert leaking["rss_slope_of_the_second_half_mb_per_day"] == pytest.approx([1.5], abs=0.01)
