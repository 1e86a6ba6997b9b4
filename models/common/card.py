"""The measured part of a model card: written by the evaluation command, so that nobody types a number."""

from __future__ import annotations

from pathlib import Path

_END = "<!-- /measured -->"


def replace_measured(path: Path, text: str, part: str = "") -> None:
    """Put `text` between the marks of the card, or of a part of it; a folder without a card is left alone."""
    if not path.is_file():
        return
    begin = f"<!-- measured: {part} -->" if part else "<!-- measured -->"
    before, rest = path.read_text().split(begin)
    after = rest.split(_END, 1)[1]
    path.write_text(f"{before}{begin}\n{text}\n{_END}{after}")
