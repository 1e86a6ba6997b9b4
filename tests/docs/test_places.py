"""Where the project lives is said in one file, and everywhere else as there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"clone": "https://git.example.net/emotion.git", "downloads": "https://get.example.net/"}


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_owners_addresses_replace_what_stands_there(generate: ModuleType) -> None:
    found = ""
    for name in generate.WITH_PLACES:
        text = generate.with_places((ROOT / name).read_text("utf-8"), OURS)
        assert "example.org/emotion-edge" not in text, name
        found += text
    assert f"git clone {OURS['clone']} && cd emotion-edge" in found
    assert f"[downloads]({OURS['downloads']})" in found
    assert "url: https://git.example.net/emotion\n" in found


def test_no_other_file_names_them(generate: ModuleType) -> None:
    known = {address.removesuffix(".git") for address in generate.places().values()}
    texts = [*(ROOT / "docs" / "pages").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "firmware_config").rglob("*")]
    named = {
        str(path.relative_to(ROOT))
        for path in texts
        if path.is_file() and any(address in path.read_text("utf-8", "ignore") for address in known)
    }
    assert named <= set(generate.WITH_PLACES)
