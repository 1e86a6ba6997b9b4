"""The documentation is true: the reference is the code's, every path, link and command exists, the site builds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "pages").rglob("*.md"))
COMMAND_LINE = (ROOT / "docs" / "pages" / "reference" / "command-line.md").read_text(
    "utf-8"
)  # is the code's, see below
HELP = dict(part.split("\n", 1) for part in COMMAND_LINE.split("\n## ")[1:])  # by command
TEXTS = [*PAGES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "edge/README.md"))]


def test_the_reference_is_that_of_the_code() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="mkdocs-material is not here")
    config = ROOT / "docs" / "mkdocs.yml"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"NO_MKDOCS_2_WARNING": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    home = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "pictures/dashboard.png" in home
    assert (tmp_path / "site" / "pictures" / "dashboard.png").is_file()
    assert (tmp_path / "site" / "models" / "face" / "confusion.png").is_file()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", path.read_text("utf-8")):
        page = path.parent / target if target else path
        assert page.exists(), target
        assert not heading or heading in headings(page), f"{target}#{heading}"


def headings(page: Path) -> set[str]:
    """The names by which links know them."""
    found = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in found}


@pytest.mark.parametrize("path", [path for path in TEXTS if path.parent.name != "reference"], ids=str)
def test_commands_and_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    for name in re.findall(r"(?:`|\$ |sudo )emotion-edge ([a-z][a-z-]+)", text):
        assert name in COMMANDS, name
    for name in re.findall(r"(?<![\w/.-])((?:scripts|firmware_config|systemd|edge|models|docs)/[\w./-]*\w)", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", [path for path in TEXTS if path.parent.name != "reference"], ids=str)
def test_options_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8").replace("\\\n", " ")
    for name, words in re.findall(r"emotion-edge ([a-z][a-z-]+)([^`\n#|]*)", text):
        for option in re.findall(r"(?<!\S)--[a-z0-9-]+", words):
            assert re.search(rf"{option}(?![\w-])", HELP.get(name, option)), f"emotion-edge {name} {option}"
    for name, words in re.findall(r"(scripts/[\w-]+)([^`\n#|]*)", text):
        for option in re.findall(r"(?<!\S)--[a-z0-9-]+", words):
            assert option in (ROOT / name).read_text("utf-8"), f"{name} {option}"
