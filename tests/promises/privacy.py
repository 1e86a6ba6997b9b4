"""Privacy on means closed, and nothing dies silently."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.device.clock import system_synced
from tests.faults.disk import Disk
from tests.faults.rig import PREFIX, Rig
from tests.faults.webcam import Webcam
from tests.helpers.broker import free_port
from tests.helpers.picamera import StandIn
from tests.helpers.stage import HEIGHT, WIDTH, Person, picture
from tests.promises.registry import promise

LIMIT = 5.0


def _command(rig: Rig, *words: str) -> str:
    assert rig.service is not None
    folders = ("--config", str(rig.service.config), "--state", str(rig.service.state))
    command = [sys.executable, "-m", "edge", *words, *folders]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


@promise(3, "quiet hours are the same to the service, the doctor and the command line")
def one_gate(rig: Rig) -> str:
    cam = Webcam()
    rig.on_close(cam.vanish)
    now = time.localtime()
    hours = [f"{(now.tm_hour + shift) % 24:02d}:00" for shift in (0, 2)]
    rig.start(
        camera={"source": cam.url},
        privacy={"quiet_hours": [{"start": hours[0], "end": hours[1]}], "trust_clock": True},
    )
    rig.wait("privacy", lambda m: m.payload == b"ON")
    status, doctor = _command(rig, "privacy", "status"), _command(rig, "doctor")
    assert status.strip() == "on (quiet hours)", status
    assert cam.streams == 0, "the camera was opened"
    line = next(line for line in doctor.splitlines() if " camera " in line)
    assert "quiet hours" in line, line
    return f"service ON, status {status.strip()!r}, doctor: {line.split(maxsplit=1)[1]}"


@promise(4, "privacy ON holds though the disk is full or read-only, also after a restart")
def fails_closed(rig: Rig) -> str:
    disk = Disk.tiny(rig.folder / "state", "1m")
    if disk is None:
        pytest.skip("no right to mount here")
    rig.on_close(disk.close)
    cam = Webcam()
    rig.on_close(cam.vanish)
    env = {"PYTHONPATH": rig.repository, "RUNTIME_DIRECTORY": str(rig.folder / "run")}
    service = rig.start(prefix=disk.within, env=env, camera={"source": cam.url}, privacy={"remote_off": True})
    rig.wait("status/camera", lambda m: m.json["state"] == "online")
    rig.observer.send(f"{PREFIX}/privacy/set", "OFF")  # so that OFF is what the disk has
    rig.wait("response/privacy")
    with contextlib.suppress(OSError):  # full, as it should be
        (disk.seen / "filler").write_bytes(b"x" * 2_000_000)
    full = _on_and_restart(rig, cam)
    (disk.seen / "filler").unlink()
    off = time.time()
    rig.observer.send(f"{PREFIX}/privacy/set", "OFF")
    rig.wait("privacy", lambda m: m.payload == b"OFF" and m.at > off)
    rig.wait("status/camera", lambda m: m.json["state"] == "online" and m.at > off)
    disk.run("mount", "-o", "remount,ro", str(disk.mounted))
    read_only = _on_and_restart(rig, cam)
    assert "could not be" in read_only, read_only
    service.stop()
    return f"full: {full or 'stored'}; read-only: {read_only}; ON after each restart, the camera closed"


def _on_and_restart(rig: Rig, cam: Webcam) -> str:
    """Privacy ON, kill, start again: still ON. Returns the error that the answer told."""
    assert rig.service is not None
    answer = rig.ask("privacy/set", "ON", "privacy", lambda m: m.json["data"] == {"privacy": "ON"}).json
    rig.service.signal(signal.SIGKILL)
    rig.service.wait()
    streams, again = cam.streams, time.time()
    rig.service.start()
    rig.wait("privacy", lambda m: m.payload == b"ON" and m.at > again and not m.retained)
    assert cam.streams == streams, "the camera was opened"
    return str(answer["error"] or "")


@promise(1, "privacy ON is told only when the camera is closed, and a driver that hangs ends the process")
def closed_or_ended(rig: Rig) -> str:
    cam = StandIn(rig.folder / "standin")
    service = rig.start(env=cam.env, camera={"source": cam.camera}, microphone={"source": "none"})
    rig.wait("status/camera", lambda m: m.json["state"] == "online")
    assert cam.is_open(service.descriptors())
    cam.hang()
    asked = time.time()
    rig.observer.send(f"{PREFIX}/privacy/set", '{"value": "ON", "transaction": "t"}')
    assert service.wait(20) == 1, "the process lives on with the camera open"
    lasted = time.time() - asked
    assert lasted < 5.0, f"it took {lasted:.1f} s to end"
    answer = rig.wait("response/privacy", lambda m: m.json["transaction"] == "t").json
    assert answer["status"] == "error", answer
    assert "still open: camera" in answer["error"], answer
    rig.wait("availability", lambda m: m.payload == b"offline" and m.at > asked)
    assert not [m for m in rig.observer.on(f"{PREFIX}/privacy") if m.payload == b"ON"], "ON was told"
    again = time.time()
    service.start()  # as systemd does
    rig.wait("privacy", lambda m: m.payload == b"ON" and m.at > again)
    assert not cam.is_open(service.descriptors())
    assert service.stop() == 0
    return f"ended after {lasted:.1f} s: {answer['error'].partition('. ')[0]}; then ON with the camera closed"


@promise(17, "max_cpu_percent holds with eight faces at 30 fps, and fewer frames are no older answers", minutes=2.0)
def budget_holds(rig: Rig) -> str:
    video = crowd(rig.folder / "crowd.mp4")
    service = rig.start(
        camera={"source": str(video), "fps": 30.0},
        microphone={"source": "none"},
        face={"max_people": 8},
        publish={"max_hz": 10.0, "health_every_s": 1.0},
        limits={"max_cpu_percent": LIMIT},
    )
    rig.next("health", lambda m: m.json["thinned"])
    time.sleep(30.0)  # it settles
    before, began = _cpu_seconds(service.pid), time.time()
    time.sleep(30.0)
    share = 100 * (_cpu_seconds(service.pid) - before) / (time.time() - began)
    ages = sorted(m.at - _seconds(m.json["ts"]) for m in rig.observer.on("/reading") if m.at >= began)
    people = max(m.json["people"] for m in rig.observer.on("/reading") if m.at >= began)
    median, thinned = ages[len(ages) // 2], rig.health()["thinned"]
    assert share <= 1.1 * LIMIT, f"{share:.1f} % of a core"
    assert median < 0.25, f"readings are {1000 * median:.0f} ms old"
    service.stop()
    return f"{share:.1f} % of a core at a limit of {LIMIT:g}, {people} people, {1000 * median:.0f} ms old; {thinned}"


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _seconds(ts: str) -> float:
    return datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp()


def crowd(path: Path) -> Path:
    """Eight people who sway, at 30 frames a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, (WIDTH, HEIGHT))
    for number in range(150):
        sway = 8 * np.sin(number * 2 * np.pi / 75)
        people = [Person(80 + 160 * (i % 4) + sway, 120 + 240 * (i // 4), 160) for i in range(8)]
        writer.write(picture(people, seed=number))
    writer.release()
    return path


@promise(14, "stopping tells offline first and ends in time although a driver hangs")
def stops_in_time(rig: Rig) -> str:
    cam = StandIn(rig.folder / "standin")
    service = rig.start(env=cam.env, camera={"source": cam.camera}, dashboard={"enabled": True, "port": free_port()})
    rig.wait("status/camera", lambda m: m.json["state"] == "online")
    cam.hang()
    asked = time.time()
    service.signal(signal.SIGTERM)
    status = service.wait(20)
    lasted = time.time() - asked
    offline = rig.wait("availability", lambda m: m.payload == b"offline" and m.at > asked).at - asked
    assert status == 0
    assert lasted < 5.0, f"it took {lasted:.1f} s; systemd kills after five"
    return f"offline after {offline:.1f} s, ended after {lasted:.1f} s with status {status}"


@promise(15, "an unusable NOTIFY_SOCKET is one warning")
def one_warning(rig: Rig) -> str:
    service = rig.start(env={"NOTIFY_SOCKET": str(rig.folder / "nobody")})
    for _ in range(4):
        rig.next("health")
    service.stop()
    lines = rig.log().count("NOTIFY_SOCKET")
    assert lines == 1, f"{lines} warnings"
    return f"{lines} line in the log after four seconds"


@promise(15, "quiet hours with a clock that is not synchronised keep the camera closed, and say so")
def unsynced(rig: Rig) -> str:
    if system_synced():
        pytest.skip("the clock of this machine is synchronised")
    cam = Webcam()
    rig.on_close(cam.vanish)
    hour = (time.localtime().tm_hour + 12) % 24
    rig.start(
        camera={"source": cam.url},
        privacy={"quiet_hours": [{"start": f"{hour:02d}:00", "end": f"{(hour + 1) % 24:02d}:00"}]},
    )
    rig.wait("privacy", lambda m: m.payload == b"ON")
    reason: str = rig.wait("status/camera", lambda m: m.json["state"] == "disabled").json["reason"]
    assert "not synchronised" in reason, reason
    assert cam.streams == 0
    return str(reason)


@promise(2, "a publisher that dies is started again, and not for ever: then the process ends and says so")
def nothing_dies_silently(rig: Rig) -> str:
    switch = rig.folder / "break"
    switch.write_text("")
    service = rig.start(module="tests.faults.broken", env={"EMOTION_EDGE_BREAK": str(switch)})
    rig.wait("health")
    switch.write_text("publisher raises once")
    rig.next("health", lambda m: m.json["restarts"] == {"mqtt-publisher": 1})
    rig.next("reading")
    switch.write_text("publisher raises")
    assert service.wait(60) == 1, "it lives on and is deaf"
    rig.until(lambda: rig.observer.on("/availability")[-1].payload == b"offline", "offline")
    line = next(line for line in rig.log().splitlines() if "mqtt-publisher died" in line and "times" in line)
    return f"restarted once and published again; then: {line.partition('ERROR ')[2]}"
