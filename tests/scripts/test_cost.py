"""scripts/cost: how counts become stages, and, where the emulated system can be had, that no stage has grown."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "edge" / "bench" / "cost.json"
recorded = pytest.mark.skipif(not RECORD.exists(), reason="nothing is recorded yet: scripts/cost --record")
LINES = """
MARK 0 1000000 0 0 0 0 10
MARK 1 3000000 0 0 0 0 20
STAGE 2 4 follow a frame
noise that the runtime prints
MARK 2 3000000 100000 50000 1000 2000 20
MARK 3 11000000 900000 450000 5000 6000 28
"""


@pytest.fixture(scope="module")
def cost() -> Any:
    spec = importlib.util.spec_from_file_location("cost", ROOT / "scripts" / "arm64" / "cost.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cost"] = module
    spec.loader.exec_module(module)
    return module


def test_counts_between_two_marks_are_a_stage(cost: Any) -> None:
    stages = dict(cost.parsed(LINES))
    assert stages["start"]["all"] == 2.0
    assert stages["follow a frame"] == {
        "all": 2.0, "simd": 0.2, "multiply": 0.1, "memory": 0.001, "branch": 0.001, "calls": 0.0,
    }  # fmt: skip


def test_a_stage_that_grew_is_named(cost: Any) -> None:
    def of(million: float) -> dict[str, Any]:
        return {"stages": {"a72": {"decide": {"all": million}, "start": {"all": 100 * million}}}}

    assert list(cost.growth(of(1.0), of(1.04))) == []
    assert list(cost.growth(of(1.0), of(1.06))) == ["Raspberry Pi 4: decide: 1.00 -> 1.06 million instructions"]
    assert list(cost.growth({"stages": {}}, of(9.0))) == []


@recorded
def test_the_record_is_whole_and_its_sum_is_right(cost: Any) -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    for board in cost.BOARDS:
        assert {*cost.CHEAP, *cost.SCALING} <= set(record["stages"][board])
        assert record["whole"][board] == cost.whole(record["stages"][board])
    assert record["assumed"] == cost.ASSUMED


@recorded
@pytest.mark.timeout(900)
def test_no_stage_has_grown() -> None:
    """Half a minute on a quiet machine, three more where the emulated system must be made first."""
    if shutil.which("apt-get") is None or shutil.which("gcc") is None:
        pytest.skip("needs apt-get and gcc")
    done = subprocess.run(
        [str(ROOT / "scripts" / "cost"), "--check"], capture_output=True, text=True, timeout=800, check=False
    )
    if done.returncode == 3:
        pytest.skip("the record is of other models: scripts/cost --record")
    if "cannot be had" in done.stderr or "is not set up" in done.stderr:
        pytest.skip(f"the emulated system cannot be made here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
