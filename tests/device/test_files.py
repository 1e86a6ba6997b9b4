"""Files are replaced whole, durably, and never readable by others on the way."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge.device.files import folder_owner, make_folder, write_atomically, write_new


def test_the_content_and_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "file"
    write_atomically(file, "grün\n")
    assert file.read_bytes() == "grün\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    previous = os.umask(0o077)
    try:
        write_atomically(file, b"\x00", mode=0o644)
    finally:
        os.umask(previous)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"\x00", 0o644)
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_exists_keeps_its_rights(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o755)
    folder.chmod(0o751)
    write_atomically(folder / "file", "x")
    make_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o751


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_atomically(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "file").symlink_to(precious)
    write_atomically(tmp_path / "file", "x")
    assert precious.read_text() == "precious"
    assert not (tmp_path / "file").is_symlink()
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", "x")


def test_two_writers_never_mix(tmp_path: Path) -> None:
    file = tmp_path / "file"
    seen: set[str] = set()

    def write(letter: str) -> None:
        for _ in range(30):
            write_atomically(file, letter * 5000)
            seen.add(file.read_text())

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= {"a" * 5000, "b" * 5000}
    assert list(tmp_path.iterdir()) == [file]


def test_killed_at_any_moment_it_holds_the_old_or_the_new(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from edge.device.files import write_atomically\n"
        "print('up', flush=True)\nwhile True:\n for c in 'ab': write_atomically(Path(sys.argv[1]), c * 5000)"
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "f")], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            while not (tmp_path / "f").exists():
                pass
            process.kill()
        assert (tmp_path / "f").read_text() in ("a" * 5000, "b" * 5000)


def test_what_a_power_cut_left_goes_with_a_later_write(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".f.0123.new", ".f.4567.new", ".g.0123.new"))
    for each in (old, young, other):
        each.write_text("half")
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    write_atomically(tmp_path / "f", "x")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "f", young, other])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    owner = folder_owner(tmp_path / "missing")
    write_atomically(tmp_path / "file", "x", owner=owner)
    assert (tmp_path / "file").stat().st_uid == 65534
