"""Luma straight from what a V4L2 camera gives: the grey of its colours; and a way back where it is not as it says."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture import opencv
from edge.capture.luma import FULL, VIDEO, format_name, knows, luma
from edge.capture.opencv import OpenCvCamera, node_target
from edge.capture.picture import luma_of
from edge.config.schema import CameraConfig
from edge.device.clock import SystemClock
from edge.face.pixels import relevelled

WIDTH, HEIGHT = 64, 48
SHOWN = cv2.resize(np.random.default_rng(3).integers(20, 235, (6, 8), dtype=np.uint8), (WIDTH, HEIGHT))
VIDEO_LUMA = np.rint(16 + SHOWN * (219 / 255)).astype(np.uint8)


def packed(first: int) -> NDArray[np.uint8]:
    raw = np.full((HEIGHT, WIDTH, 2), 128, np.uint8)
    raw[:, :, first] = VIDEO_LUMA
    return raw


PLANES = np.concatenate((VIDEO_LUMA, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)))
JPEG = cv2.imencode(".jpg", np.asarray(SHOWN), [cv2.IMWRITE_JPEG_QUALITY, 98])[1].reshape(1, -1)
FORMATS = {
    "YUYV": (packed(0), cv2.COLOR_YUV2BGR_YUYV),
    "UYVY": (packed(1), cv2.COLOR_YUV2BGR_UYVY),
    "YU12": (PLANES, cv2.COLOR_YUV2BGR_I420),
    "NV12": (PLANES, cv2.COLOR_YUV2BGR_NV12),
}


@pytest.mark.parametrize("pixels", FORMATS)
def test_luma_is_the_grey_of_the_colours(pixels: str) -> None:
    raw, conversion = FORMATS[pixels]
    got = luma(raw, pixels, WIDTH, HEIGHT)
    assert got is not None
    grey, levels = got
    assert levels == VIDEO
    assert knows(pixels)
    coloured = cv2.cvtColor(cv2.cvtColor(raw, conversion), cv2.COLOR_BGR2GRAY)
    assert np.abs(relevelled(grey, levels).astype(int) - coloured).max() <= 2


def test_grey_and_jpeg() -> None:
    for pixels, raw in (("GREY", np.asarray(SHOWN)), ("MJPG", JPEG)):
        got = luma(raw, pixels, WIDTH, HEIGHT)
        assert got is not None
        assert got[1] == FULL
        assert np.abs(got[0].astype(int) - SHOWN).mean() < 1.5


@pytest.mark.parametrize(("pixels", "raw"), [("YUYV", PLANES), ("MJPG", JPEG[:, 2:]), ("BGR3", PLANES), ("", PLANES)])
def test_what_is_not_as_it_says_is_refused(pixels: str, raw: NDArray[np.uint8]) -> None:
    assert luma(raw, pixels, WIDTH, HEIGHT) is None


def test_formats_have_names() -> None:
    assert format_name(float(cv2.VideoWriter.fourcc(*"YUYV"))) == "YUYV"
    assert format_name(-1.0) == ""


class StandIn:
    """cv2.VideoCapture with a camera of one format, as far as we use it."""

    def __init__(self, pixels: str, raw: NDArray[np.uint8]) -> None:
        self.pixels, self.raw, self.converts = pixels, raw, True

    def get(self, key: int) -> float:
        known = {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*self.pixels),
            cv2.CAP_PROP_FRAME_WIDTH: WIDTH,
            cv2.CAP_PROP_FRAME_HEIGHT: HEIGHT,
        }
        return float(known.get(key, 0))

    def set(self, key: int, value: float) -> bool:
        assert key == cv2.CAP_PROP_CONVERT_RGB
        self.converts = bool(value)
        return True

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, Any]:
        return True, cv2.cvtColor(np.asarray(SHOWN), cv2.COLOR_GRAY2BGR) if self.converts else self.raw

    def release(self) -> None: ...


@pytest.mark.parametrize(
    ("pixels", "raw", "grey"),
    [("YUYV", packed(0), True), ("MJPG", JPEG, True), ("YUYV", PLANES, False), ("BGR3", PLANES, False)],
)
def test_a_camera_gives_luma_or_else_colours(
    monkeypatch: pytest.MonkeyPatch, pixels: str, raw: NDArray[np.uint8], grey: bool
) -> None:
    made = StandIn(pixels, raw)
    monkeypatch.setattr(opencv, "_opened", lambda *_: made)
    camera = OpenCvCamera(node_target("/dev/null"), CameraConfig(fps=1000.0), SystemClock())
    camera.open()
    frame = camera.read()
    camera.close()
    assert frame.image.ndim == (2 if grey else 3)
    assert made.converts is not grey
    assert frame.luma.shape == (HEIGHT, WIDTH)
    assert np.abs(relevelled(frame.luma, frame.levels).astype(int) - luma_of(np.asarray(SHOWN))).mean() < 2
