"""Camera and microphone, staged with a real HTTP camera and a real PulseAudio: each wrong set-up is named."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.config.schema import PrivacyConfig
from edge.device.privacy import Gate
from edge.doctor.camera import camera
from edge.doctor.camera import judged as judged_pictures
from edge.doctor.findings import Finding
from edge.doctor.holders import holders, named
from edge.doctor.microphone import judged, microphone
from edge.readings import SAMPLE_RATE, Frame, SourceStatus
from tests.helpers.doctor import MakeSubject
from tests.helpers.pulse import Server, prepare
from tests.helpers.webcam import WebCam

pytestmark = pytest.mark.slow


@pytest.fixture
def cam() -> Iterator[WebCam]:
    served = WebCam()
    yield served
    served.stop()


@pytest.fixture
def sound(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    prepare(own_home, monkeypatch)
    server = Server(own_home, 48_000)
    server.start()
    yield server
    server.stop()


def one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_camera_that_works(cam: WebCam, subject: MakeSubject) -> None:
    finding = one(camera(subject(camera={"source": cam.url, "fps": 5.0})))
    assert finding.level == "green", finding
    assert "640 by 480" in finding.says
    assert "secret" not in finding.says


def test_a_camera_that_is_slow(cam: WebCam, subject: MakeSubject) -> None:
    finding = one(camera(subject(camera={"source": cam.url, "fps": 60.0})))
    assert finding.level == "yellow"
    assert "instead of 60" in finding.says


def test_a_camera_that_is_frozen(cam: WebCam, subject: MakeSubject) -> None:
    cam.mode = "freeze"
    finding = one(camera(subject(camera={"source": cam.url, "fps": 5.0})))
    assert finding.level == "red"
    assert "frozen" in finding.says


def test_a_lens_that_is_covered(cam: WebCam, subject: MakeSubject) -> None:
    cam.light = 0.05
    finding = one(camera(subject(camera={"source": cam.url, "fps": 5.0})))
    assert finding.level == "yellow"
    assert "dark" in finding.says


def test_pictures_that_are_too_bright() -> None:
    greys = [np.full((4, 6), 250 + number, np.uint8) for number in range(3)]
    frames = [Frame(number / 15, number, grey, grey) for number, grey in enumerate(greys)]
    level, says, remedy = judged_pictures(frames, 0.2, "it", live=True, fps=10.0)
    assert (level, remedy) == ("yellow", "turn it away from the window")
    assert "it: 6 by 4, 10 fps, but the picture is overexposed" in says
    assert judged_pictures(frames, 0.2, "it", live=False, fps=10.0) == ("green", "it: 6 by 4, a recording", "")


def test_no_camera(subject: MakeSubject) -> None:
    finding = one(camera(subject(camera={"source": "/dev/video77"})))
    assert finding.level == "red"
    assert "/dev/video77" in finding.says
    assert finding.remedy


def test_a_picture_file_for_a_camera_node(subject: MakeSubject, tmp_path: Path) -> None:
    (tmp_path / "not-a-film.mp4").write_bytes(b"nothing")
    finding = one(camera(subject(camera={"source": str(tmp_path / "not-a-film.mp4")})))
    assert finding.level == "red"
    assert "not-a-film.mp4" in finding.says


def test_privacy_keeps_devices_shut(cam: WebCam, subject: MakeSubject) -> None:
    patient = subject(camera={"source": cam.url})
    Gate(patient.state, PrivacyConfig()).switch(True)
    for finding in (one(camera(patient)), one(microphone(patient))):
        assert finding.level == "yellow"
        assert "privacy is on" in finding.says
    assert cam.connections == 0


def test_the_running_service_says_itself_how_its_devices_fare(subject: MakeSubject) -> None:
    statuses = {"camera": SourceStatus("camera", "offline", "no camera found: plug one in")}
    finding = one(camera(subject({"statuses": statuses})))
    assert finding == Finding("camera", "red", "offline: no camera found", "plug one in")


def test_a_microphone_that_works(sound: Server, subject: MakeSubject) -> None:
    sound.play(amplitude=0.1)
    time.sleep(0.3)
    finding = one(microphone(subject(microphone={"source": "fakemic"})))
    assert finding.level == "green", finding
    assert "dBFS" in finding.says


def test_a_microphone_that_is_muted(sound: Server, subject: MakeSubject) -> None:
    finding = one(microphone(subject(microphone={"source": "fakemic"})))
    assert finding.level == "red"
    assert "zeros" in finding.says


def test_a_microphone_that_is_far_too_loud(sound: Server, subject: MakeSubject) -> None:
    sound.play(amplitude=4.0)
    time.sleep(0.3)
    finding = one(microphone(subject(microphone={"source": "fakemic"})))
    assert finding.level == "yellow"
    assert "clipped" in finding.says


def test_a_microphone_that_nobody_has(sound: Server, subject: MakeSubject) -> None:
    finding = one(microphone(subject(microphone={"source": "no such thing"})))
    assert finding.level == "red"
    assert "no such thing" in finding.says


def test_faint_sound_and_a_wrong_rate() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-5, 2 * SAMPLE_RATE).astype(np.float32)
    assert judged(noise, 2.0, "it", live=True)[0] == "yellow"
    assert "quiet" in judged(noise, 2.0, "it", live=True)[1]
    level, says, _ = judged(1000 * noise, 2.4, "it", live=True)
    assert level == "yellow"
    assert f"instead of {SAMPLE_RATE}" in says
    assert judged(1000 * noise, 2.0, "it", live=True)[0] == "green"


def test_who_has_the_device_is_named(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    hold = "import sys, time; file = open(sys.argv[1]); print('has it', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", hold, str(device)], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        assert [pid for pid, _ in holders(str(device))] == [other.pid]
        says = named(f"camera {device} is used by another program", str(device))
        assert f"(process {other.pid})" in says
    finally:
        other.kill()
        other.communicate()
