"""Which camera a config names, and how picamera2 and V4L2 are driven where there is no such hardware."""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from edge.capture import cameras, devices, opencv, picamera, v4l2
from edge.capture.base import NoSource
from edge.capture.cameras import Auto, camera
from edge.capture.opencv import OpenCvCamera
from edge.capture.picamera import PiCamera, small_size
from edge.capture.picture import unpacked
from edge.capture.recordings import Folder, Video
from edge.config.schema import CameraConfig
from edge.device.clock import SystemClock
from edge.errors import CaptureError, MissingPackage


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("auto", Auto, "camera"),
        ("none", NoSource, "no camera"),
        ("0", OpenCvCamera, "camera /dev/video0"),
        ("/dev/v4l/by-id/usb-Cam", OpenCvCamera, "camera /dev/v4l/by-id/usb-Cam"),
        ("picamera2", PiCamera, "Raspberry Pi camera 0"),
        ("picamera2:1", PiCamera, "Raspberry Pi camera 1"),
        ("csi:1", OpenCvCamera, "CSI camera 1"),
        ("gst:videotestsrc", OpenCvCamera, "GStreamer camera"),
        ("rtsp://a:b@cam/live", OpenCvCamera, "camera rtsp://cam/live"),
        ("film.mp4", Video, "video film.mp4"),
        ("file:///tmp/film.mp4", Video, "video /tmp/film.mp4"),
        ("/usr", Folder, "pictures in /usr"),
    ],
)
def test_the_source_names_its_backend(source: str, kind: type, name: str) -> None:
    made = camera(CameraConfig(source=source), SystemClock())
    assert type(made) is kind
    assert made.name == name
    made.close()  # before it was opened: no harm


def test_pictures_that_opencv_left_packed() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    whole = unpacked(picture.reshape(1, -1), 64, 48)
    assert whole is not None
    assert np.array_equal(whole, picture)
    jpeg = unpacked(cv2.imencode(".jpg", picture)[1].reshape(1, -1), 64, 48)
    assert jpeg is not None
    assert jpeg.shape == (48, 64, 3)
    assert unpacked(np.zeros((1, 64 * 48 * 2), dtype=np.uint8), 64, 48) is None


def test_csi_pipeline_and_its_need_of_gstreamer() -> None:
    pipeline = opencv.csi_pipeline(1, CameraConfig(width=1280, height=720, fps=29.97))
    assert "sensor-id=1" in pipeline
    assert "width=1280, height=720, framerate=30/1" in pipeline
    assert opencv.pipeline_target("x", "videotestsrc").address.endswith(opencv.APPSINK)
    assert opencv.pipeline_target("x", "videotestsrc ! appsink").address == "videotestsrc ! appsink"
    if opencv.has_gstreamer():
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(MissingPackage, match="apt install python3-opencv"):
        camera(CameraConfig(source="csi:0"), SystemClock()).open()


def test_devices_that_are_not_cameras_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(path: str) -> str:
        with pytest.raises(CaptureError) as caught:
            camera(CameraConfig(source=path), SystemClock()).open()
        return str(caught.value)

    assert "not found" in reason("/dev/video250")
    assert reason("/dev/null") == "/dev/null is not a camera"
    for number, words in ((13, "group video"), (16, "used by another program"), (19, "not found")):

        def refuse(*_: Any, number: int = number) -> int:
            raise OSError(number, "")

        monkeypatch.setattr("os.open", refuse)
        assert words in reason("/dev/video0")


def test_auto_without_any_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "nodes", list)
    monkeypatch.setattr(cameras, "on_jetson", lambda: False)
    source = camera(CameraConfig(), SystemClock())
    with pytest.raises(CaptureError, match="no camera found: plug one in"):
        source.open()
    with pytest.raises(CaptureError):
        source.read()
    source.close()


def test_auto_tells_why_the_cameras_there_are_do_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "nodes", lambda: [Path("/dev/video0")])
    monkeypatch.setattr(v4l2, "describe", lambda path: v4l2.Node(path, "uvcvideo", "Cam", captures=True))
    monkeypatch.setattr(v4l2, "why_not", lambda path: f"camera {path} is used by another program")
    with pytest.raises(CaptureError, match="no camera found that works: camera /dev/video0 is used by another"):
        camera(CameraConfig(), SystemClock()).open()


@pytest.mark.parametrize("in_use", [{}, {0: "a camera"}])
def test_listing_cameras_leaves_no_manager_behind_that_holds_them(
    monkeypatch: pytest.MonkeyPatch, in_use: dict[int, str]
) -> None:
    manager = types.SimpleNamespace(cameras=in_use, _cms="open")
    stand_in = types.SimpleNamespace(
        global_camera_info=lambda: [{"Num": 0, "Model": "imx708", "Id": "/base"}], _cm=manager
    )
    monkeypatch.setitem(sys.modules, "picamera2", types.SimpleNamespace(Picamera2=stand_in))
    assert [each.source for each in picamera.found()] == ["picamera2:0"]
    assert manager._cms == ("open" if in_use else None)


def test_on_a_raspberry_pi_auto_misses_picamera2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setattr(v4l2, "nodes", list)
    monkeypatch.setattr(cameras, "on_raspberry_pi", lambda: True)
    with pytest.raises(CaptureError, match="apt install python3-picamera2"):
        camera(CameraConfig(), SystemClock()).open()


def test_stable_paths(tmp_path: Path) -> None:
    for name in ("video10", "video2", "video0", "video-codec"):
        (tmp_path / name).touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Some_Camera-video-index0").symlink_to("../video2")
    assert [path.name for path in v4l2.nodes(tmp_path)] == ["video0", "video2", "video10"]
    assert v4l2.stable_path(tmp_path / "video2", by_id) == str(by_id / "usb-Some_Camera-video-index0")
    assert v4l2.stable_path(tmp_path / "video0", by_id) is None
    assert v4l2.stable_path(tmp_path / "video0", tmp_path / "nothing") is None


# A stand-in for picamera2, which exists on a Raspberry Pi only. It knows the calls that we make, not the hardware.


class StandInRequest:
    def __init__(self, camera: StandInPicamera2) -> None:
        self._camera = camera

    def make_array(self, stream: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        width, height = self._camera.config[stream]["size"]
        assert self._camera.config[stream]["format"] == "YUV420"
        planes = np.full((height * 3 // 2, width + 64), 128, dtype=np.uint8)  # rows are padded
        planes[:height] = 0
        planes[: height // 2, : width // 2] = 220
        return planes

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": time.monotonic_ns() - 30_000_000}

    def release(self) -> None:
        self._camera.held -= 1


class StandInPicamera2:
    trouble: ClassVar[Exception | None] = None
    made: ClassVar[list[StandInPicamera2]] = []

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [
            {"Model": "imx708", "Num": 0, "Id": "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a"},
            {"Model": "HD Webcam", "Num": 1, "Id": "/base/axi/pcie@120000/rp1/usb@200000-1:1.0-046d:0825"},
        ]

    def __init__(self, number: int = 0) -> None:
        if StandInPicamera2.trouble is not None:
            raise StandInPicamera2.trouble
        self.held = 0
        self.state = "made"
        self.config: dict[str, Any] = {}
        StandInPicamera2.made.append(self)

    def create_video_configuration(self, **config: Any) -> dict[str, Any]:
        return config

    def configure(self, config: dict[str, Any]) -> None:
        self.config = config

    def start(self) -> None:
        self.state = "started"

    def capture_request(self) -> StandInRequest:
        time.sleep(1 / self.config["controls"]["FrameRate"])
        self.held += 1
        return StandInRequest(self)

    def stop(self) -> None:
        self.state = "stopped"

    def close(self) -> None:
        self.state = "closed"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandInPicamera2]:
    module = types.ModuleType("picamera2")
    module.Picamera2 = StandInPicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr(StandInPicamera2, "trouble", None)
    monkeypatch.setattr(StandInPicamera2, "made", [])
    monkeypatch.setattr(v4l2, "nodes", list)
    return StandInPicamera2


@pytest.mark.parametrize("source", ["picamera2", "auto"])
def test_picamera2_gives_luma_of_its_small_stream(stand_in: type[StandInPicamera2], source: str) -> None:
    pi = camera(CameraConfig(source=source, width=1280, height=720, fps=50.0), SystemClock())
    pi.open()
    frame = pi.read()
    assert pi.name == "Raspberry Pi camera 0"
    assert frame.image.shape == (720, 1280)
    assert frame.image[0, 0] == 220
    assert frame.image[-1, -1] == 0
    assert frame.levels == (16, 235)
    assert frame.luma.shape == (180, 320)
    assert frame.luma[0, 0] == 220
    assert frame.luma[-1, -1] == 0
    assert 0.02 < time.monotonic() - frame.time < 1.0  # the sensor's own stamp
    pi.close()
    assert stand_in.made[-1].state == "closed"
    assert stand_in.made[-1].held == 0


def test_picamera2_turns_both_streams(stand_in: type[StandInPicamera2]) -> None:
    pi = camera(CameraConfig(source="picamera2", rotation=90, fps=50.0), SystemClock())
    pi.open()
    frame = pi.read()
    pi.close()
    assert frame.image.shape == (640, 480)
    assert frame.luma.shape == (320, 240)
    assert frame.luma[0, -1] == 220
    assert frame.image[0, -1] == 220


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (IndexError("list index out of range"), "check the ribbon cable"),
        (RuntimeError("Failed to acquire camera: Device or resource busy"), "used by another program"),
        (RuntimeError("Camera __init__ sequence did not complete."), "used by another program"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
    ],
)
def test_picamera2_that_does_not_start_says_why(
    stand_in: type[StandInPicamera2], monkeypatch: pytest.MonkeyPatch, trouble: Exception, reason: str
) -> None:
    monkeypatch.setattr(StandInPicamera2, "trouble", trouble)
    pi = camera(CameraConfig(source="picamera2"), SystemClock())
    with pytest.raises(CaptureError, match=reason):
        pi.open()
    pi.close()


def test_picamera2_built_for_another_numpy_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    with pytest.raises(MissingPackage, match=r"numpy\.dtype size changed"):
        picamera.found()


def test_usb_cameras_are_left_to_v4l2(stand_in: type[StandInPicamera2]) -> None:
    assert [found.source for found in devices.cameras_found()] == ["picamera2:0"]


@pytest.mark.parametrize(
    ("size", "small"), [((640, 480), (320, 240)), ((1920, 1080), (320, 180)), ((160, 120), (160, 120))]
)
def test_the_small_stream_is_even_and_of_the_same_proportions(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert small_size(*size) == small


def test_listing_devices_where_there_are_none_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, open_files: Callable[[], list[str]], opened_since: Callable[[list[str]], list[str]]
) -> None:
    monkeypatch.setattr(v4l2, "nodes", lambda: [Path("/dev/null"), Path("/dev/video251")])
    before = open_files()
    assert devices.cameras_found() == []
    assert not opened_since(before)
