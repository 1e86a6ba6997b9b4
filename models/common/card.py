"""The measured part of a model card: written by the evaluation command, so that nobody types a number."""

from __future__ import annotations

from pathlib import Path

_BEGIN, _END = "<!-- measured -->", "<!-- /measured -->"


def replace_measured(path: Path, text: str) -> None:
    """Put `text` between the marks of the card; a folder without a card is left alone."""
    if not path.is_file():
        return
    before, rest = path.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    path.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")
