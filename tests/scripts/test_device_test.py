"""What scripts/device-test says of itself; what it does is tried in tests/systemd and by running it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
RECORD = SCRIPTS / "device/record.json"


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [["buster-amd64"], ["--by", "hand"], ["--borrow", "/no/such/folder"], ["--by"]])
def test_wrong_words(words: list[str]) -> None:
    done = run(SCRIPTS / "device-test", *words)
    assert done.returncode == 1
    assert done.stderr


def test_help_names_every_option() -> None:
    told = run(SCRIPTS / "device-test", "--help").stdout
    for option in ("--unit", "--guest", "--by", "--record", "bookworm-arm64", "trixie-arm64"):
        assert option in told


def test_it_asks_for_root() -> None:
    if os.geteuid() == 0:
        pytest.skip("we are root")
    assert "needs root" in run(SCRIPTS / "device-test", "--unit").stderr


def test_the_record_says_what_ran_and_hides_nothing() -> None:
    for entry in json.loads(RECORD.read_text("utf-8")):
        assert entry["holds"], entry["system"]
        assert entry["fails"] == [], entry["system"]
        assert entry["seconds"] > 0
        assert entry["versions"], entry["system"]


def test_a_result_is_noted_and_replaces_the_one_before(tmp_path: Path) -> None:
    tool = tmp_path / "record"
    tool.write_text((SCRIPTS / "device/record").read_text("utf-8"), "utf-8")
    (tmp_path / "report").write_text("ok    holds\nskip  left out: why\nFAIL  broken\n", "utf-8")
    (tmp_path / "versions").write_text("systemd 252\n", "utf-8")
    for seconds in ("7", "9"):
        done = run("python3", tool, "bookworm-arm64", "package, qemu-user", seconds, tmp_path)
        assert done.returncode == 0, done.stderr
    (entry,) = json.loads((tmp_path / "record.json").read_text("utf-8"))
    assert entry["seconds"] == 9
    assert (entry["holds"], entry["skipped"], entry["fails"]) == (["holds"], ["left out: why"], ["broken"])
