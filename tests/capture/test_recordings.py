"""Video files and folders of pictures: real ones made here, and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.base import FrameSource
from edge.capture.cameras import camera
from edge.config.schema import CameraConfig
from edge.device.clock import SystemClock
from edge.errors import CaptureError, SourceEnded
from edge.readings import Frame, Image


def picture(number: int, width: int = 320, height: int = 240) -> Image:
    """Grey steps that tell the number even after compression; the upper left quarter is white."""
    image = np.full((height, width, 3), 20 + 8 * (number % 20), dtype=np.uint8)
    image[: height // 2, : width // 2] = 255
    return image


def number_in(frame: Frame) -> int:
    return round((float(frame.luma[-20:, -20:].mean()) - 20) / 8)


def video(path: Path, count: int = 20, fps: float = 10.0, size: tuple[int, int] = (320, 240)) -> Path:
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), fps, size)
    assert writer.isOpened()
    for number in range(count):
        writer.write(picture(number, *size))
    writer.release()
    return path


def folder(path: Path, names: list[str]) -> Path:
    path.mkdir()
    for number, name in enumerate(names):
        cv2.imwrite(str(path / name), picture(number))
    return path


def source_of(path: Path | str, **settings: object) -> FrameSource:
    return camera(CameraConfig(source=str(path), **settings), SystemClock())  # type: ignore[arg-type]


def everything(source: FrameSource) -> list[Frame]:
    source.open()
    frames = []
    try:
        while True:
            frames.append(source.read())
    except SourceEnded:
        return frames
    finally:
        source.close()


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_a_video_gives_every_picture_with_its_position(tmp_path: Path, name: str) -> None:
    source = source_of(video(tmp_path / name))
    assert not source.live
    frames = everything(source)
    assert [number_in(frame) for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / 10, atol=1e-3)
    assert [frame.number for frame in frames] == list(range(1, 21))


def test_a_video_gives_the_same_every_time(tmp_path: Path) -> None:
    source = source_of(video(tmp_path / "a.mp4"))
    first, second = everything(source), everything(source)
    assert [frame.time for frame in first] == [frame.time for frame in second]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("fps", "asked", "expected"), [(30.0, 15.0, 10), (25.0, 10.0, 8), (10.0, 60.0, 20)])
def test_no_more_pictures_a_second_than_asked(tmp_path: Path, fps: float, asked: float, expected: int) -> None:
    frames = everything(source_of(video(tmp_path / "a.mp4", fps=fps), fps=asked))
    assert len(frames) == expected
    assert min(np.diff([frame.time for frame in frames])) >= min(1 / asked, 1 / fps) * 0.79


def test_size_rotation_flip_and_luma(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", 2, size=(1280, 720))
    plain = everything(source_of(path, width=640, height=480))[0]
    assert plain.image.shape == (360, 640, 3)  # made to fit, not squeezed
    assert plain.luma.shape == (180, 320)
    assert plain.luma.dtype == np.uint8
    assert plain.luma[10, 10] > 200
    assert plain.luma[10, -10] < 100

    turned = everything(source_of(path, width=640, height=480, rotation=90))[0]
    assert turned.image.shape == (640, 360, 3)
    assert turned.luma.shape == (569, 320)
    assert turned.luma[10, -10] > 200  # clockwise: upper left goes to upper right

    for flip, bright in (("horizontal", (10, -10)), ("vertical", (-10, 10)), ("both", (-10, -10))):
        flipped = everything(source_of(path, flip=flip))[0]
        assert flipped.luma[bright] > 200
        assert flipped.luma[10, 10] < 100


def test_small_pictures_are_not_blown_up(tmp_path: Path) -> None:
    frame = everything(source_of(video(tmp_path / "a.mp4", 1, size=(160, 120))))[0]
    assert frame.image.shape == (120, 160, 3)
    assert frame.luma.shape == (120, 160)


def test_close_leaves_nothing_open(tmp_path: Path, open_files: Callable[[], list[str]]) -> None:
    path = video(tmp_path / "a.mp4")
    source = source_of(path)
    source.open()
    source.read()
    assert str(path) in open_files()
    source.close()
    source.close()
    assert str(path) not in open_files()
    with pytest.raises(CaptureError, match="closed"):
        source.read()


def test_a_folder_in_the_order_of_its_names(tmp_path: Path) -> None:
    path = folder(tmp_path / "pictures", ["1.png", "2.jpg", "10.png"])
    (path / "notes.txt").write_text("not a picture")
    (path / "3.png").write_bytes(b"damaged")
    frames = everything(source_of(path, fps=5.0))
    assert [number_in(frame) for frame in frames] == [0, 1, 2]
    assert [frame.time for frame in frames] == [0.0, 0.2, 0.4]


def test_grey_and_transparent_pictures(tmp_path: Path) -> None:
    path = tmp_path / "pictures"
    path.mkdir()
    cv2.imwrite(str(path / "grey.png"), np.full((50, 60), 77, dtype=np.uint8))
    cv2.imwrite(str(path / "alpha.png"), np.full((50, 60, 4), 77, dtype=np.uint8))
    assert [frame.image.shape for frame in everything(source_of(path))] == [(50, 60, 3)] * 2


def test_a_video_cut_off_after_its_index_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.avi", 60)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 20 < len(everything(source_of(cut))) < 40


def bad_folder(path: Path) -> Path:
    path.mkdir()
    (path / "a.jpg").write_bytes(b"nothing of the kind")
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path / "no.mp4", r"no\.mp4: No such file"),
        (lambda path: path, "no pictures in this folder"),
        (lambda path: bad_folder(path / "bad"), "none of its pictures can be read"),
        (lambda path: text(path / "text.mp4"), "not a video that can be read"),
        (lambda path: cut_off(path / "cut.mp4"), "not a video that can be read, or cut off"),
        (lambda path: empty(path / "empty.mp4"), "the file is empty"),
    ],
)
def test_wrong_things_are_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], Path], reason: str
) -> None:
    with pytest.raises(CaptureError, match=reason) as caught:
        everything(source_of(make(tmp_path)))
    assert not isinstance(caught.value, SourceEnded)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # libraries add nothing of their own


def text(path: Path) -> Path:
    path.write_text("this is no video\n" * 1000)
    return path


def cut_off(path: Path) -> Path:
    """An MP4 has its index at the end."""
    video(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path
