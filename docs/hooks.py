"""The site also shows documents that live beside the code: model cards and architecture, with their pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")
_PICTURE = re.compile(r"\]\(((?:\.\./)+)scripts/pictures/")


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each card, its pictures, and the architecture."""
    for card in sorted(ROOT.glob("models/*/README.md")):
        name = card.parent.name
        files.append(File.generated(config, f"models/{name}.md", content=_standalone(card, f"{name}/")))
        for picture in sorted(card.parent.glob("*.png")):
            files.append(File.generated(config, f"models/{name}/{picture.name}", abs_src_path=str(picture)))
    for picture in sorted((ROOT / "scripts" / "pictures").glob("*.png")):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    files.append(File.generated(config, "architecture.md", content=_standalone(ROOT / "edge" / "README.md", "")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Pictures of the page lie beside the script that draws them: two folders above docs/pages."""
    return _PICTURE.sub(lambda found: f"]({found[1].removeprefix('../../')}pictures/", markdown)


def _standalone(document: Path, pictures: str) -> str:
    """The document with links to its own pictures; other links into the repository become plain words."""

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        return f"![{words}]({pictures}{target})" if mark else words

    return _LINK.sub(link, document.read_text("utf-8"))
