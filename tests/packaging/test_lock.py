"""What root installs on a device is pinned: scripts/locks fits pyproject.toml and can be had for every device."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge.config.files import parse

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "scripts" / "locks"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
PROJECT = parse((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pinned(lock: Path) -> dict[str, str]:
    """Name -> version; every entry is a version with hashes, and nothing says from where."""
    versions: dict[str, str] = {}
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = re.fullmatch(r"([\w.-]+)==([\w.+!]+)( ; [^#]*?)?((\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
        assert found, line
        versions[canonicalize_name(found[1])] = found[2]
    return versions


def test_there_is_one_for_each_python_that_we_claim() -> None:
    assert PROJECT["project"]["requires-python"] == ">=3.10"
    assert sorted(path.name for path in LOCKS.iterdir()) == ["build.txt", *(f"py{python}.txt" for python in PYTHONS)]


@pytest.mark.parametrize("python", PYTHONS)
def test_it_holds_what_pyproject_asks_for(python: str) -> None:
    versions = pinned(LOCKS / f"py{python}.txt")
    for line in PROJECT["project"]["dependencies"]:
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"python_version": python}):
            assert canonicalize_name(wanted.name) in versions, f"{wanted.name} is not locked: run scripts/lock"
            version = versions[canonicalize_name(wanted.name)]
            assert wanted.specifier.contains(version), f"{line}, but {version} is locked: run scripts/lock"
    older = tuple(map(int, python.split("."))) < (3, 12)
    assert versions["numpy"].startswith("1." if older else "2."), "camera modules of Raspberry Pi OS need this"
    assert versions["opencv-python-headless"].startswith("4." if older else "5."), "5 wants numpy 2"
    assert "tensorflow" not in versions


def test_what_builds_is_locked_too() -> None:
    versions = pinned(LOCKS / "build.txt")
    (backend,) = (Requirement(line) for line in PROJECT["build-system"]["requires"])
    assert backend.specifier.contains(versions[canonicalize_name(backend.name)])
    assert "setuptools" in versions, "python_speech_features is built with it"


def test_they_were_made_from_pyproject_as_it_is() -> None:
    ask = f". '{ROOT}/scripts/common.sh' && dependencies | sha256sum | cut -c1-16"
    stamp = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    for lock in LOCKS.iterdir():
        assert f"({stamp})" in lock.read_text(encoding="utf-8").splitlines()[0], f"{lock.name}: run scripts/lock"


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_it_can_be_had_for_every_device(python: str, processor: str, tmp_path: Path) -> None:
    """Online: every package exists with one of the hashes, as a wheel for this device, but for the one known source."""
    found = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--target", str(tmp_path / "none"),
         "--python-version", python, "--python-platform", f"{processor}-manylinux_2_28",
         "--no-deps", "--require-hashes",
         "--only-binary", ":all:", "--no-binary", "python_speech_features",
         "--build-constraints", str(LOCKS / "build.txt"), "-r", str(LOCKS / f"py{python}.txt")],
        capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path,
    )  # fmt: skip
    if "dns error" in found.stderr or "error sending request" in found.stderr:
        pytest.skip("no package index can be reached")
    assert found.returncode == 0, found.stderr
    assert f"Would install {len(pinned(LOCKS / f'py{python}.txt'))} packages" in found.stderr
