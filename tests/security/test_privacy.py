"""Privacy ON means released, from outside: what is open, what lies on disk, what a restart or a power cut leaves."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config.schema import PrivacyConfig
from edge.device.privacy import Gate
from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.pulse import Server, prepare
from tests.helpers.service import DEVICE, Service, Start
from tests.helpers.webcam import WebCam

PREFIX = f"emotion/{DEVICE}"
DEVICES = re.compile(r"^/dev/(video|media|snd/|dma_heap|v4l)")


@pytest.fixture
def webcam() -> Iterator[WebCam]:
    one = WebCam()
    yield one
    one.stop()


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A sound server of the test's own, into which a tone is played."""
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    prepare(tmp_path, monkeypatch)
    server = Server(tmp_path, 48_000)
    server.start()
    server.play()
    yield server
    server.stop()


def peers(service: Service, ports: set[int]) -> list[int]:
    """Which of these TCP ports the process is connected to."""
    ours = {link.removeprefix("socket:[").rstrip("]") for link in service.descriptors() if link.startswith("socket:")}
    found = []
    for line in Path(f"/proc/{service.pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        port = int(words[2].split(":")[1], 16)
        if words[9] in ours and port in ports:
            found.append(port)
    return found


def unix_peers(service: Service) -> int:
    """How many unix sockets the process has open."""
    ours = {link.removeprefix("socket:[").rstrip("]") for link in service.descriptors() if link.startswith("socket:")}
    lines = Path(f"/proc/{service.pid}/net/unix").read_text().splitlines()[1:]
    return sum(line.split()[6] in ours for line in lines)


def private(observer: Observer) -> list[bytes]:
    return [message.payload for message in observer.on(f"{PREFIX}/privacy")]


def test_a_network_camera_and_a_real_microphone_are_let_go(
    start: Start, observer: Observer, webcam: WebCam, pulse: Server
) -> None:
    service = start(camera={"source": webcam.url}, microphone={"source": "auto"})
    port = {int(webcam.url.rsplit(":", 1)[1].split("/")[0])}
    for sense in ("camera", "microphone"):
        observer.wait(f"/status/{sense}", 20, lambda m: m.json["state"] == "online")
    assert peers(service, port)
    assert unix_peers(service) > 0, "the sound server is reached by a unix socket"

    observer.send(f"{PREFIX}/privacy/set", "ON")
    observer.wait(f"{PREFIX}/privacy", 5, lambda m: m.payload == b"ON")
    assert peers(service, port) == []
    assert unix_peers(service) == 0
    assert not [link for link in service.descriptors() if DEVICES.match(link)]
    wait_for(lambda: webcam.connections == 0, 3, "the camera to notice that nobody looks")

    # Power fails. It comes back shut and touches neither of them.
    service.signal(signal.SIGKILL)
    service.wait()
    observer.messages.clear()
    service.start()
    observer.wait(f"{PREFIX}/privacy", 10, lambda m: m.payload == b"ON" and not m.retained)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert webcam.connections == 0
        assert peers(service, port) == []
        assert unix_peers(service) == 0
        time.sleep(0.02)

    # And when the owner says so at the device, it looks again.
    command(service, "off")
    wait_for(lambda: webcam.connections > 0, 10, "the camera to be looked at again")
    observer.wait("/status/microphone", 10, lambda m: m.json["state"] == "online")
    assert service.stop() == 0


def command(service: Service, word: str) -> None:
    words = [
        sys.executable,
        "-m",
        "edge",
        "privacy",
        word,
        "--state",
        str(service.state),
        "--config",
        str(service.config),
    ]
    subprocess.run(words, check=True, capture_output=True, timeout=30)


def test_what_waits_for_the_broker_is_forgotten(start: Start, observer: Observer, broker: Broker) -> None:
    before = os.umask(0)  # whatever it is, nobody else reads the state
    try:
        service = start()
    finally:
        os.umask(before)
    observer.wait("/reading", 20)
    observer.send(f"{PREFIX}/config/decision.enter/set", "0.6")
    observer.wait("/config/decision.enter", 5, lambda m: m.payload == b"0.6")
    broker.kill()
    outbox = service.state / "outbox.sqlite"
    wait_for(lambda: outbox.exists() and outbox.stat().st_size + _size(service.state, "-wal") > 20_000, 15, "an outbox")
    wait_for(
        lambda: b"happy" in _content(service.state) or b"person_" in _content(service.state), 10, "feelings on disk"
    )
    Gate(service.state, PrivacyConfig()).switch(False)
    assert stat.S_IMODE(service.state.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in service.state.rglob("*")}
    assert {"overrides.toml", "outbox.sqlite", "privacy"} <= set(modes)
    assert set(modes.values()) == {0o600}, modes
    command(service, "on")
    wait_for(lambda: not outbox.exists(), 5, "the outbox to go")
    observer.messages.clear()
    gone = time.time()
    broker.start()
    observer.wait(f"{PREFIX}/privacy", 20, lambda m: m.payload == b"ON")
    time.sleep(2.5)
    # All that waited is that from then on nobody is seen.
    kept = [m.json for m in observer.on("/backlog")]
    assert {(each["topic"], each["payload"]["label"]) for each in kept} <= {("state", "absent")}
    assert [m for m in observer.on("/state") if m.at > gone and m.json["label"] != "absent"] == []
    wait_for(lambda: not _content(service.state).replace(b"on\n", b"").count(b"person_"), 5, "nothing of it on disk")
    assert service.stop() == 0


def _content(folder: Path) -> bytes:
    found = b""
    for file in folder.rglob("*"):
        try:
            found += file.read_bytes()
        except OSError:
            continue
    return found


def _size(folder: Path, ending: str) -> int:
    return sum(file.stat().st_size for file in folder.glob(f"*{ending}"))


def test_who_may_switch_it_from_afar(start: Start, observer: Observer) -> None:
    """A retained OFF is no order of today, and a fresh one counts only where the config allows it."""
    observer.send(f"{PREFIX}/privacy/set", "OFF", retain=True)
    service = start(privacy={"start": "on", "remote_off": True})
    observer.wait(f"{PREFIX}/privacy", 15, lambda m: m.payload == b"ON")
    time.sleep(1.5)
    assert set(private(observer)) == {b"ON"}
    observer.send(f"{PREFIX}/privacy/set", "OFF")
    observer.wait(f"{PREFIX}/privacy", 5, lambda m: m.payload == b"OFF")
    observer.send(f"{PREFIX}/privacy/set", "ON")
    wait_for(lambda: private(observer)[-1] == b"ON", 5, "on")

    # The owner's config takes the permission back while it runs; nobody can give it by MQTT.
    service.config.write_text(service.config.read_text().replace("remote_off = true", "remote_off = false"))
    service.signal(signal.SIGHUP)
    wait_for(lambda: "config reloaded" in service.log.read_text(), 5, "the reload")
    observer.send(f"{PREFIX}/config/privacy.remote_off/set", "true")
    observer.send(f"{PREFIX}/privacy/set", "OFF")
    observer.wait("/response/privacy", 5, lambda m: m.json["status"] == "error")
    observer.wait("/response/config", 5, lambda m: m.json["status"] == "error")
    assert private(observer)[-1] == b"ON"
    assert service.stop() == 0
    assert (service.state / "privacy").read_text() == "on\n"


@pytest.mark.parametrize("spoilt", [b"\x00\x00\x00\x00", None])
def test_a_switch_that_cannot_be_read_keeps_everything_shut(
    start: Start, observer: Observer, webcam: WebCam, tmp_path: Path, spoilt: bytes | None
) -> None:
    """Though the config would have it off, and whatever a failing disk made of the file."""
    file = tmp_path / "state" / "privacy"
    file.parent.mkdir(mode=0o700)
    if spoilt is None:
        file.symlink_to("nowhere")
    else:
        file.write_bytes(spoilt)
    service = start(camera={"source": webcam.url}, privacy={"start": "off"})
    observer.wait(f"{PREFIX}/privacy", 15, lambda m: m.payload == b"ON")
    time.sleep(0.5)
    assert webcam.connections == 0
    assert "privacy stays on" in service.log.read_text() or spoilt is None
    service.signal(signal.SIGKILL)
    service.wait()


# On disk


def _throw(state: Path, last: str) -> None:
    for count in range(100_000):
        Gate(state, PrivacyConfig()).switch(count % 2 == 0)
        Path(last).write_text(str(count))


def test_a_copy_taken_at_any_instant_is_on_or_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody throws the switch as fast as the disk allows; what a power cut would leave is read as a switch."""
    state = tmp_path / "state"
    Gate(state, PrivacyConfig()).switch(True)
    thrower = multiprocessing.get_context("spawn").Process(
        target=_throw, args=(state, str(tmp_path / "count")), daemon=True
    )
    thrower.start()
    try:
        wait_for((tmp_path / "count").exists, 20, "the switch to be thrown")
        seen = []
        for number in range(400):
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir()
            for name in ("privacy", "privacy.new") if number % 2 else ("privacy.new", "privacy"):
                try:
                    shutil.copyfile(state / name, copy / name)
                except FileNotFoundError:
                    assert name != "privacy", "there is always a switch"
            seen.append(Gate(copy, PrivacyConfig(start="off")).now().on)
    finally:
        thrower.kill()
        thrower.join()
    assert not caplog.records, "every copy was readable"
    assert 40 < sum(seen) < 360


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is needed to see the order of things")
def test_the_word_is_on_the_disk_before_it_has_its_name(tmp_path: Path) -> None:
    """What survives a power cut is decided by the order of write, fsync and rename."""
    trace = tmp_path / "trace"
    state = tmp_path / "made" / "state"
    words = [sys.executable, "-m", "edge", "privacy", "on", "--state", str(state)]
    traced = "trace=write,fsync,fdatasync,rename,renameat,renameat2,mkdir"
    subprocess.run(["strace", "-f", "-y", "-e", traced, "-o", str(trace), *words], check=True, capture_output=True)
    ours = [
        line for line in trace.read_text().splitlines() if str(tmp_path / "made") in line or f"<{tmp_path}>" in line
    ]
    steps = [match[1] for line in ours if (match := re.search(r"\b(mkdir|write|fsync|rename)\w*\(", line))]
    assert steps == ["mkdir", "fsync", "mkdir", "fsync", "write", "fsync", "rename", "fsync"], ours
    assert stat.S_IMODE((state / "privacy").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_file_that_vanishes_while_it_is_on_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "privacy"
    gate = Gate(tmp_path, PrivacyConfig(start="off"))
    gate.switch(True)
    file.unlink()
    assert gate.now().on
    gate.switch(False)  # a word of today still counts
    assert not gate.now().on


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")
def test_root_throws_the_switch_for_the_services_user(tmp_path: Path) -> None:
    """`sudo emotion-edge privacy off`: the service must be able to read it, and cannot make root write elsewhere."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 65534, 65534)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (state / "privacy.new").symlink_to(precious)
    Gate(state, PrivacyConfig()).switch(False)
    found = (state / "privacy").lstat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o600)
    assert precious.read_text() == "precious"
    assert precious.stat().st_uid == 0


def test_the_command_finds_the_state_of_the_installed_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`emotion-edge privacy on` in a shell means the service, not a folder in the home of whoever types it."""
    from edge.cli import main
    from edge.device import paths

    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "config.toml").touch()
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", etc / "config.toml")
    assert paths.state_of(etc / "config.toml") == Path("/var/lib/emotion-edge")
    assert paths.state_of(etc / "door.toml") == Path("/var/lib/emotion-edge-door")
    assert main(["privacy", "on", "--config", str(etc / "config.toml"), "--state", str(tmp_path / "state")]) == 0
    assert str(tmp_path / "state" / "privacy") in capsys.readouterr().out
