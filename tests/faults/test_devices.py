"""Camera and microphone vanish, stall, freeze, fall silent, send garbage: told soon, and the other one goes on."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable

import pytest

from tests.faults import soundcard
from tests.faults.alongside import alongside
from tests.faults.rig import Rig
from tests.faults.soundcard import Soundcard
from tests.faults.webcam import Webcam

TOLD_WITHIN_S = 5.0


def told(rig: Rig, sense: str, fault: Callable[[], object], words: str = "") -> None:
    """The fault is told in time, with a reason."""
    begins = time.time()
    fault()
    heard = rig.wait(f"status/{sense}", lambda m: m.at > begins and m.json["state"] == "offline")
    assert words in heard.json["reason"], heard.json["reason"]
    assert heard.at - begins < TOLD_WITHIN_S, f"{heard.json['reason']}: told after {heard.at - begins:.1f} s"


def recovered(rig: Rig, sense: str, mended: Callable[[], object]) -> None:
    begins = time.time()
    mended()
    rig.wait(f"status/{sense}", lambda m: m.at > begins and m.json["state"] == "online")


def goes_on(rig: Rig, part: str) -> None:
    """The other modality is in a reading from now on."""
    rig.next("reading", lambda m: m.json[part] is not None)


@alongside()
def test_a_camera_that_stalls_and_freezes(rig: Rig) -> None:
    cam = Webcam()
    rig.on_close(cam.vanish)
    service = rig.start(camera={"source": cam.url})
    rig.wait("reading", lambda m: m.json["face"])
    for fault in ("stalled", "frozen", "black"):
        told(rig, "camera", lambda fault=fault: setattr(cam, "mode", fault))  # type: ignore[misc]
        goes_on(rig, "speech")
        recovered(rig, "camera", lambda: setattr(cam, "mode", "well"))
    rig.next("reading", lambda m: m.json["face"])
    assert rig.health()["restarts"] == {}
    assert service.stop() == 0


@alongside()
def test_a_camera_that_sends_garbage_and_vanishes(rig: Rig) -> None:
    cam = Webcam()
    rig.on_close(cam.vanish)
    service = rig.start(camera={"source": cam.url})
    rig.wait("reading", lambda m: m.json["face"])
    for size in ("small", "speck", "large"):  # other sizes are no fault
        cam.mode = size
        time.sleep(1.5)
    cam.mode = "well"
    rig.next("reading", lambda m: m.json["face"])
    told(rig, "camera", lambda: setattr(cam, "mode", "garbage"))
    goes_on(rig, "speech")
    recovered(rig, "camera", lambda: setattr(cam, "mode", "well"))
    told(rig, "camera", cam.vanish)
    goes_on(rig, "speech")
    recovered(rig, "camera", cam.return_)
    rig.next("reading", lambda m: m.json["face"])
    assert rig.health()["restarts"] == {}
    assert service.stop() == 0
    assert "Traceback" not in rig.log()


@alongside()
def test_a_microphone_that_falls_silent_stalls_and_vanishes(rig: Rig) -> None:
    missing = soundcard.why_not()
    if missing:
        pytest.skip(missing)
    card = Soundcard(rig.folder / "home")
    rig.on_close(card.close)
    card.plug()
    card.speak(rig.audio)
    service = rig.start(camera={"source": str(rig.video)}, microphone={"source": "auto"}, env=card.env)
    rig.wait("reading", lambda m: m.json["speech"])
    told(rig, "microphone", card.fall_silent, "zeros")
    goes_on(rig, "face")
    recovered(rig, "microphone", lambda: card.speak(rig.audio))
    told(rig, "microphone", card.stall)
    goes_on(rig, "face")
    recovered(rig, "microphone", card.go_on)

    def unplug() -> None:
        card.fall_silent()
        card.unplug()

    told(rig, "microphone", unplug)
    goes_on(rig, "face")

    def plug() -> None:
        card.plug()
        card.speak(rig.audio)

    recovered(rig, "microphone", plug)
    rig.next("reading", lambda m: m.json["speech"])
    assert rig.health()["restarts"] == {}
    assert service.stop() == 0


@alongside()
def test_files_that_are_cut_off_while_they_play(rig: Rig) -> None:
    video, audio = rig.folder / "face.mp4", rig.folder / "voice.wav"
    shutil.copy(rig.video, video)
    shutil.copy(rig.audio, audio)
    rig.start(camera={"source": str(video)}, microphone={"source": str(audio)})
    rig.wait("reading", lambda m: m.json["face"] and m.json["speech"])
    told(rig, "camera", lambda: os.truncate(video, 2_000), "face.mp4")
    goes_on(rig, "speech")
    recovered(rig, "camera", lambda: shutil.copy(rig.video, video))
    told(rig, "microphone", lambda: os.truncate(audio, 20), "voice.wav")
    goes_on(rig, "face")
    recovered(rig, "microphone", lambda: shutil.copy(rig.audio, audio))
    rig.next("reading", lambda m: m.json["face"] and m.json["speech"])
