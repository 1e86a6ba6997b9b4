"""What the record comes to on a board: sums, shares of a core, and how the whole grows."""

from __future__ import annotations

from typing import Any

import pytest

from edge.bench import projection
from edge.device import resources
from edge.inference import read_manifest

STAGES = {
    name: {"all": million}
    for name, million in {
        "prepare a frame": 1.0, "follow a frame": 10.0, "decide": 1.0, "a voiced second": 60.0, "a quiet second": 4.0,
        "follow a frame, 4 people": 40.0, "follow a frame, 30 fps": 8.0, "follow a frame, 320x240": 9.0,
        "prepare a frame, 320x240": 0.5, "prepare a frame, JPEG": 3.0,
    }.items()
}  # fmt: skip


def test_the_whole_is_the_sum_of_its_stages() -> None:
    assert projection.whole(STAGES) == pytest.approx(1.15 * (15 * 12 + 32))


def test_the_whole_grows_with_people_rate_and_size() -> None:
    grown = dict(projection.scaling(STAGES))
    assert grown["4 people"] == pytest.approx(1.15 * (15 * 42 + 32))
    assert grown["30 fps"] == pytest.approx(1.15 * (30 * 10 + 32), abs=0.1)
    assert grown["320x240"] == pytest.approx(1.15 * (15 * 10.5 + 32), abs=0.1)
    assert grown["nobody speaks"] == pytest.approx(1.15 * (15 * 12 + 4))


def test_a_share_of_a_core_is_from_the_best_to_the_worst() -> None:
    best, worst = projection.BOARDS["a72"].share(306.0)
    assert (round(best), round(worst)) == (10, 14)
    assert projection.BOARDS["a72"].percent(306.0) == "10 to 14 %"
    assert projection.BOARDS["a76"].percent(90.0) == "2 %"  # and not "2 to 2 %"


def test_the_record_that_is_shipped_is_of_the_shipped_models_and_makes_its_tables() -> None:
    record: dict[str, Any] = projection.read()
    for board in projection.BOARDS:
        assert record["whole"][board] == projection.whole(record["stages"][board])
    assert record["assumed"] == projection.ASSUMED
    assert len(list(projection.lines(record))) == 2
    table = projection.tables(record)
    assert any(row.startswith("| 4 people |") for row in table)
    assert any(row.startswith("| 1920x1080 |") for row in table)
    assert any(row.startswith("| 60 fps |") for row in table)
    for name in ("face", "finder", "speech"):
        if record["models"][name] != read_manifest(resources.models() / name).sha256:
            pytest.skip("the record is of other models: scripts/cost --record")
