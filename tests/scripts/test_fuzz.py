"""scripts/fuzz, as far as it needs nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz"


def test_its_help_installs_nothing(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    env = {**os.environ, "EMOTION_EDGE_FUZZ_VENV": str(venv)}
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.startswith("Coverage-guided fuzzing")
    assert not venv.exists()
