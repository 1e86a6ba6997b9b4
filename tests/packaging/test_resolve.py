"""The declared dependencies can be had on every platform and Python that we claim."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", ["x86_64", "aarch64"])
def test_dependencies_resolve(python: str, platform: str, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "-q", str(ROOT / "pyproject.toml"),
         "--python-version", python, "--python-platform", f"{platform}-manylinux_2_28",
         "--only-binary", ":all:", "--no-binary", "python_speech_features", "--no-header", "--no-annotate"],
        capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    versions = dict(line.split("==") for line in found.stdout.splitlines() if "==" in line)
    older = tuple(map(int, python.split("."))) < (3, 12)
    assert versions["numpy"].startswith("1." if older else "2."), "camera modules of Raspberry Pi OS need this"
    assert versions["opencv-python-headless"].startswith("4." if older else "5."), "5 wants numpy 2"
    assert "tensorflow" not in versions
    assert "ai-edge-litert" in versions
