"""A network camera: MJPEG over HTTP from a server on loopback, through OpenCV and FFmpeg."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from edge.capture.base import NothingYet, Source
from edge.capture.cameras import camera
from edge.capture.faults import CameraFaults
from edge.capture.loop import CaptureLoop
from edge.capture.network import without_password
from edge.config.schema import CameraConfig
from edge.device.clock import SystemClock
from edge.errors import CaptureError
from edge.readings import Frame
from tests.helpers.webcam import WebCam

pytestmark = pytest.mark.slow


@pytest.fixture
def cam() -> Iterator[WebCam]:
    served = WebCam()
    yield served
    served.stop()


def test_pictures_arrive_new_and_the_socket_is_closed(cam: WebCam, open_files: Callable[[], list[str]]) -> None:
    before = sum("socket" in file for file in open_files())
    source = camera(CameraConfig(source=cam.url, fps=10.0, width=320, height=240, rotation=180), SystemClock())
    assert source.live
    assert "secret" not in source.name
    source.open()
    frames = [source.read() for _ in range(10)]
    assert frames[0].image.shape == (240, 320, 3)
    assert frames[0].luma.shape == (240, 320)
    assert len({frame.luma[0, 0] for frame in frames}) > 5
    rate = 9 / (frames[-1].time - frames[0].time)
    assert rate < 13  # fps is respected
    assert time.monotonic() - frames[-1].time < 0.5
    source.close()
    source.close()
    end = time.monotonic() + 3
    while cam.connections and time.monotonic() < end:
        time.sleep(0.02)
    assert cam.connections == 0
    assert sum("socket" in file for file in open_files()) <= before


def first_failure(source: Source[Frame], within: int) -> CaptureError:
    for _ in range(within):
        try:
            source.read()
        except CaptureError as error:
            return error
    raise AssertionError("it goes on")


def test_a_short_stall_is_waited_out(cam: WebCam) -> None:
    source = camera(CameraConfig(source=cam.url), SystemClock())
    source.open()
    source.read()
    cam.mode = "stall"
    assert isinstance(first_failure(source, 5), NothingYet)
    cam.mode = "move"
    source.read()
    source.close()


def test_a_stalled_stream_is_closed_at_once(cam: WebCam, open_files: Callable[[], list[str]]) -> None:
    before = sum("socket" in file for file in open_files())
    source = camera(CameraConfig(source=cam.url, stall_s=60.0), SystemClock())
    source.open()
    source.read()
    cam.mode = "stall"
    first_failure(source, 5)
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 1.0
    cam.mode = "end"
    end = time.monotonic() + 3
    while cam.connections and time.monotonic() < end:
        time.sleep(0.02)
    assert sum("socket" in file for file in open_files()) <= before


def test_the_end_of_a_stream_is_a_failure_with_a_reason(cam: WebCam) -> None:
    source = camera(CameraConfig(source=cam.url), SystemClock())
    source.open()
    source.read()
    cam.mode = "end"
    error = first_failure(source, 50)
    assert not isinstance(error, NothingYet)
    assert "stopped giving pictures" in str(error)
    assert "secret" not in str(error)
    source.close()


def test_the_loop_notices_a_frozen_camera_and_its_return(cam: WebCam) -> None:
    said: list[tuple[str, str]] = []
    frames: list[Frame] = []
    settings = CameraConfig(source=cam.url, stall_s=1.0)
    loop: CaptureLoop[Frame] = CaptureLoop(
        lambda: camera(settings, SystemClock()), frames.append, lambda *what: said.append(what),
        clock=SystemClock(), random=random.Random(3), faults=CameraFaults(1.0),
    )  # fmt: skip

    def until(state: str) -> None:
        end = time.monotonic() + 15
        while not said or said[-1][0] != state:
            assert time.monotonic() < end, said
            time.sleep(0.02)

    loop.start()
    until("online")
    cam.mode = "freeze"
    until("offline")
    assert "frozen" in said[-1][1]
    cam.mode = "move"
    until("online")
    assert loop.pause()
    assert [state for state, _ in said] == ["online", "offline", "online", "disabled"]
    assert loop.stop()


def test_a_page_that_is_no_video() -> None:
    source = camera(CameraConfig(source="http://127.0.0.1:9/none"), SystemClock())
    with pytest.raises(CaptureError, match=r"camera http://127\.0\.0\.1:9/none cannot be opened") as caught:
        source.open()
    assert "\n" not in str(caught.value)
    source.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:p@ss@10.0.0.2/live?token=abc", "rtsp://10.0.0.2/live"),
        ("http://cam.local/video", "http://cam.local/video"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert without_password(url) == shown
