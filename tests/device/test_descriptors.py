from __future__ import annotations

from pathlib import Path

from edge.device.descriptors import open_devices


def test_cameras_and_sound_cards_are_told_from_the_rest(tmp_path: Path) -> None:
    targets = [
        "/dev/video0", "/dev/video0", "/dev/media1", "/dev/v4l-subdev3", "/dev/snd/pcmC0D0c", "/dev/dma_heap/linux,cma",
        "/dev/null", "/dev/pts/0", "/home/pi/dev/video0", "socket:[1234]", "/dev/tty",
    ]  # fmt: skip
    for number, target in enumerate(targets):
        (tmp_path / str(number)).symlink_to(target)
    assert open_devices(tmp_path) == [
        "/dev/dma_heap/linux,cma", "/dev/media1", "/dev/snd/pcmC0D0c", "/dev/v4l-subdev3", "/dev/video0",
    ]  # fmt: skip


def test_this_process_has_none() -> None:
    assert open_devices() == []


def test_where_the_kernel_does_not_tell() -> None:
    assert open_devices(Path("/no/such/folder")) == []
