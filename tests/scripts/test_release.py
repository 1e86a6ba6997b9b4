"""scripts/release refuses what must not become a release, before anything is made."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with what the script looks at first."""
    folder = tmp_path / "checkout"
    (folder / "edge").mkdir(parents=True)
    (folder / "scripts" / "locks").mkdir(parents=True)
    for name in ("scripts/release", "scripts/common.sh", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "scripts/check").write_text("#!/bin/sh\necho checked >&2\nexit 7\n")  # as far as these tests go
    (folder / "scripts/check").chmod(0o755)
    (folder / "edge/version.py").write_text('__version__ = "1.2.3"\n')
    (folder / "CHANGELOG.md").write_text("# Changes\n\n## 1.2.3 — unreleased\n\n- All new.\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def git(folder: Path, *words: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(["git", *words], cwd=folder, check=True, env={**os.environ, **who})


def release(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(folder / "scripts/release"), *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def test_a_clean_checkout_comes_as_far_as_the_checks(checkout: Path) -> None:
    assert release(checkout) == (7, "checked\n")
    assert "__version__" in (checkout / "edge/version.py").read_text()


def test_what_is_not_committed_is_no_release(checkout: Path) -> None:
    (checkout / "new").touch()
    status, said = release(checkout)
    assert status == 1
    assert "not committed" in said


def test_each_release_has_its_section_and_its_own_tag(checkout: Path) -> None:
    assert "no section '## 1.3.0" in release(checkout, "--tag", "--version", "1.3.0")[1]
    git(checkout, "tag", "v1.2.3")
    assert "exists already" in release(checkout)[1]


@pytest.mark.parametrize("words", [["--wrong"], ["--version"], ["--version", "soon"]])
def test_wrong_words(checkout: Path, words: list[str]) -> None:
    status, said = release(checkout, *words)
    assert status != 0
    assert "checked" not in said
