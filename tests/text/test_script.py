"""A script of what was said when: read with its times, and refused by line where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.text.classifier import MAX_CHARACTERS
from edge.text.script import Line, read_script


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "said.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_lines_come_in_order_of_time(tmp_path: Path) -> None:
    path = written(tmp_path, "# a talk\n4\tIt is  late.\n\n1.5 So happy!\n")
    assert read_script(path) == [Line(1.5, "So happy!"), Line(4.0, "It is  late.")]


@pytest.mark.parametrize(
    "row", ["So happy!", "-1 So happy!", "nan So happy!", "3", "3  ", f"3 {'x' * (MAX_CHARACTERS + 1)}"]
)
def test_what_is_no_line_is_named_by_its_number(tmp_path: Path, row: str) -> None:
    with pytest.raises(EdgeError, match=r"said\.txt: line 2: ") as refused:
        read_script(written(tmp_path, f"1 fine\n{row}\n"))
    assert "happy" not in str(refused.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="UTF-8"):
        read_script(written(tmp_path, b"1 \xff\xfe"))
    with pytest.raises(EdgeError, match="cannot be read"):
        read_script(tmp_path / "missing.txt")
