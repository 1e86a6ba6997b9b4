"""Sound and picture of a network camera over one connection, from a real RTSP server."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.capture import stream as stream_module
from edge.capture.base import BLOCK, BLOCK_S, NothingYet
from edge.capture.stream import CameraStream, StreamCamera, StreamMicrophone, is_stream
from edge.config.schema import CameraConfig, Config, MicrophoneConfig
from edge.demo.sources import factories
from edge.device.clock import SystemClock
from edge.errors import CaptureError
from edge.readings import SAMPLE_RATE
from tests.helpers.broker import Observer
from tests.helpers.clock import FakeClock
from tests.helpers.rtsp import missing, rtsp_server
from tests.helpers.service import Start

pytest.importorskip("av", reason="needs PyAV: pip install av")
WHY = missing()
pytestmark = [pytest.mark.skipif(bool(WHY), reason=WHY), pytest.mark.slow]

Server = tuple[int, "subprocess.Popen[str]"]


@pytest.fixture
def server() -> Iterator[Server]:
    with rtsp_server() as one:
        yield one


def stream(port: int, path: str = "both", *, sound: bool = True) -> CameraStream:
    url = f"rtsp://owner:secret@127.0.0.1:{port}/{path}"
    return CameraStream(url, CameraConfig(source=url), SystemClock(), picture=True, sound=sound)


def connections(port: int) -> int:
    """Established connections of this machine to that port."""
    wanted = f"0100007F:{port:04X}"
    lines = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2] == wanted and line.split()[3] == "01" for line in lines)


def pictures(camera: StreamCamera, count: int) -> list[int]:
    seen: list[int] = []
    end = time.monotonic() + 20
    while len(seen) < count and time.monotonic() < end:
        try:
            frame = camera.read()
        except NothingYet:
            continue
        assert frame.image.shape[:2] == (240, 320)
        seen.append(frame.number)
    return seen


def test_picture_and_sound_come_over_one_connection(server: Server) -> None:
    shared = stream(server[0])
    camera, microphone = StreamCamera(shared, CameraConfig()), StreamMicrophone(shared)
    camera.open()
    microphone.open()
    assert pictures(camera, 5) == [1, 2, 3, 4, 5]
    blocks = [microphone.read() for _ in range(10)]
    assert connections(server[0]) == 1
    assert all(late.time > early.time for early, late in pairwise(blocks))
    sound = np.concatenate([block.samples for block in blocks])
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert spectrum.argmax() * SAMPLE_RATE / len(sound) == pytest.approx(440, abs=5)
    assert "secret" not in camera.name + microphone.name
    microphone.close()
    assert connections(server[0]) == 0
    with pytest.raises(CaptureError, match="closed"):
        camera.read()
    camera.open()
    assert pictures(camera, 1) == [6]
    camera.close()


def test_a_burst_of_old_sound_does_not_run_ahead_of_time(clock: FakeClock) -> None:
    blocks = stream_module._Blocks(clock)
    sounds = blocks.push(np.zeros(19 * BLOCK, np.float32))  # at once, as some cameras send at first
    for _ in range(100):
        clock.pass_time(BLOCK_S)
        sounds += blocks.push(np.zeros(BLOCK, np.float32))
    assert all(late.time >= early.end - 1e-6 for early, late in pairwise(sounds))
    assert sounds[-1].end <= clock.monotonic() + 0.6
    clock.pass_time(5)  # nothing came
    (late,) = blocks.push(np.zeros(BLOCK, np.float32))
    assert late.end == pytest.approx(clock.monotonic())


def test_what_is_wrong_is_said_without_the_password(server: Server) -> None:
    with pytest.raises(CaptureError, match="this stream has no sound") as caught:
        stream(server[0], "mute").open()
    assert "secret" not in str(caught.value)
    with pytest.raises(CaptureError, match="no stream at this address") as caught:
        stream(server[0], "nothing").open()
    assert "secret" not in str(caught.value)
    server[1].kill()
    server[1].wait()
    with pytest.raises(CaptureError, match="nothing answers there"):
        stream(server[0]).open()


def test_the_end_of_the_stream_is_noticed(server: Server) -> None:
    camera = StreamCamera(stream(server[0]), CameraConfig())
    camera.open()
    pictures(camera, 1)
    server[1].kill()
    assert until_it_fails(camera, 15).endswith(("the stream ended", "the connection broke", "it does not answer"))
    camera.close()


def until_it_fails(camera: StreamCamera, seconds: float) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            camera.read()
        except NothingYet:
            continue
        except CaptureError as error:
            return str(error)
    return "it never failed"


def test_the_config_says_whose_sound() -> None:
    url = "rtsp://cam/live"
    for source in ("camera", url):
        config = Config(camera=CameraConfig(source=url), microphone=MicrophoneConfig(source=source))
        make_camera, make_microphone = factories(config, SystemClock())
        assert isinstance(make_camera(), StreamCamera)
        assert isinstance(make_microphone(), StreamMicrophone)
    apart = Config(camera=CameraConfig(source="none"), microphone=MicrophoneConfig(source="rtsp://other/live"))
    assert isinstance(factories(apart, SystemClock())[1](), StreamMicrophone)
    assert not is_stream("/dev/video0")


def test_the_service_sees_and_hears_a_network_camera(server: Server, start: Start, observer: Observer) -> None:
    start(camera={"source": f"rtsp://127.0.0.1:{server[0]}/both"}, microphone={"source": "camera"})
    for sense in ("camera", "microphone"):
        observer.wait(f"/status/{sense}", 60, lambda m: m.json["state"] == "online")
    assert connections(server[0]) == 1
    observer.send(f"{observer.on('/availability')[0].topic.rsplit('/', 1)[0]}/privacy/set", "ON")
    observer.wait("/privacy", 10, lambda m: m.payload in {b"ON", "ON"})
    assert connections(server[0]) == 0
