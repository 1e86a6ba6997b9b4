"""What the owner's own commands promise: setup, check, doctor, watch, model; and the samples."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.faults.rig import DEVICE, PREFIX, Rig
from tests.faults.webcam import Webcam
from tests.helpers.installed import Installed
from tests.helpers.service import toml
from tests.promises.registry import promise

EVIL = "\x1b[2J\x1b]0;owned\x07"


def _edge(*words: str | Path, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *(str(word) for word in words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


class Terminal:
    """`emotion-edge watch` in a terminal of 60 columns; `text` is all that it wrote."""

    def __init__(self, rig: Rig) -> None:
        broker = ["--broker", f"127.0.0.1:{rig.wire.port}", "--device", DEVICE]
        self.text = ""
        self._pid, self._end = pty.fork()
        if self._pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job would hand down that it is ignored
            os.environ["COLUMNS"], os.environ["LINES"] = "60", "24"
            os.execv(sys.executable, [sys.executable, "-m", "edge", "watch", *broker])  # noqa: S606
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        rig.on_close(self.close)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                if select.select([self._end], [], [], 0.2)[0]:
                    self.text += os.read(self._end, 4096).decode(errors="replace")

    def picture(self) -> str:
        """The last whole screen, without its colours."""
        pictures = re.split(r"\x1b\[\d+A|\x1b\[\?25l", self.text)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", pictures[-2] if len(pictures) > 1 else "").replace("\r", "")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGINT)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


@promise(3, "sudo doctor asks the service's switch and opens no camera under privacy")
def doctor_of_root(rig: Rig) -> str:
    installed = Installed(rig.folder / "machine")
    cam = Webcam()
    rig.on_close(cam.vanish)
    installed.write("config.toml", toml(camera={"source": cam.url}, microphone={"source": "none"}))
    done = installed.run("emotion-edge", "doctor", before="echo on >/var/lib/emotion-edge/privacy")
    assert cam.streams == 0, "the camera was opened"
    return next(line for line in done.stdout.splitlines() if " camera " in line)


@promise(7, "setup --force with another broker takes nothing of the old one there")
def another_broker(rig: Rig) -> str:
    config = rig.folder / "config.toml"
    old = {"host": "old", "port": 8883, "username": "edge-user", "password_file": "/x", "tls": True, "ca_file": "/y"}
    config.write_text(toml(mqtt=old, decision={"enter": 0.6}))
    done = _edge("setup", "--force", "--yes", "--broker", f"127.0.0.1:{rig.wire.port}", "--config", config)
    assert "accepts this device" in done.stdout, done.stdout + done.stderr
    left = [key for key in ("edge-user", "8883", "/x", "tls = true", "/y", "old") if key in config.read_text()]
    assert not left, f"still there: {left}"
    return "; ".join(line for line in done.stdout.splitlines() if line.startswith(("removed", "kept")))


@promise(10, "what a stranger publishes does not act upon the terminal of watch")
def terminal_escapes(rig: Rig) -> str:
    rig.start()
    rig.online()
    terminal = Terminal(rig)
    rig.until(lambda: "live" in terminal.picture(), "watch to be live")
    head = '"v": 1, "ts": "", "session": "", "seq": 1'
    evil = EVIL.replace("\x1b", "\\u001b").replace("\x07", "\\u0007")
    rig.observer.send(f"{PREFIX}/status/camera", f'{{{head}, "state": "offline", "reason": "{evil} a stranger"}}')
    rig.observer.send(
        f"{PREFIX}/state",
        f'{{{head}, "label": "{evil}", "confidence": 1, "since": "", "for_s": 0, "people": 1, "modalities": []}}',
    )
    rig.observer.send(f"{PREFIX}/availability", EVIL)
    rig.until(lambda: "a stranger" in terminal.picture(), "the message to be shown")
    assert "\x1b]0;" not in terminal.text
    assert "\x1b[2J" not in terminal.text
    return next(line.strip() for line in terminal.picture().splitlines() if "a stranger" in line)


@promise(11, "the mosquitto sample starts beside Debian's own mosquitto.conf")
def mosquitto_sample(rig: Rig) -> str:
    files = str(Path(__file__).parents[1] / "firmware_config" / "test_samples.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", files, "-k", "device or strangers"],
        capture_output=True, text=True, check=False, cwd=rig.repository,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:]
    return done.stdout.strip().splitlines()[-1]


@promise(12, "a password and a certificate that only root can read are told by check, setup and sudo doctor")
def files_of_root(rig: Rig) -> str:
    installed = Installed(rig.folder / "machine")
    password = installed.write("password", "secret\n", mode=0o600, group=0)
    mqtt = {"host": "127.0.0.1", "port": rig.wire.port, "username": "edge", "password_file": password}
    installed.write("config.toml", toml(mqtt=mqtt, camera={"source": "none"}, microphone={"source": "none"}))
    said = {
        "check": installed.run("emotion-edge", "check", "--quiet").stderr,
        "doctor": installed.run("emotion-edge", "doctor").stdout,
        "setup": installed.run("emotion-edge", "setup", "--yes", "--force").stdout,
    }
    silent = [command for command, text in said.items() if "no permission to read it" not in text]
    assert not silent, f"approved of it: {silent}"
    return said["check"].strip()


@promise(13, "an untrusted model is never run as root")
def model_trial(rig: Rig) -> str:
    if os.geteuid() != 0:
        pytest.skip("needs root, who has rights to give up")
    code = (
        "import os, sys; from pathlib import Path; from edge.modelstore import trial\n"
        "def refuse(*_): raise PermissionError(1, 'Operation not permitted')\n"
        "def load(folder): print('as', os.getuid(), folder)\n"
        "trial._fusion, os.setresuid = load, refuse\n"
        "sys.exit(trial._main('fusion', Path(sys.argv[1])))"
    )
    folder = rig.folder / "untrusted"
    shutil.copytree(Path(rig.repository) / "models" / "fusion", folder)
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=False, cwd=rig.repository
    )
    assert done.returncode == 1
    assert str(folder) not in done.stdout, done.stdout
    return done.stdout.splitlines()[-1]


@promise(15, "the rights of an existing --state folder stay as its owner set them")
def state_folder(rig: Rig) -> str:
    state = rig.folder / "state"
    state.mkdir()
    state.chmod(0o755)
    service = rig.start(outbox={"max_mb": 1})
    rig.online()
    rig.broker.kill()
    rig.until((state / "outbox.sqlite").exists, "the outbox to be written")
    mode = stat.S_IMODE(state.stat().st_mode)
    rig.broker.start()
    service.stop()
    assert mode == 0o755, f"it is {mode:o} now"
    return "755 before and after, with messages on disk"


@promise(16, "watch shows no feeling once the service is killed, nor under privacy")
def dead_feeling(rig: Rig) -> str:
    service = rig.start(camera={"source": str(rig.video)})
    terminal = Terminal(rig)
    rig.until(lambda: re.search(r"\d+ in view", terminal.picture()), "watch to show a state")
    rig.observer.send(f"{PREFIX}/privacy/set", "ON")
    rig.until(lambda: "privacy is on" in terminal.picture(), "watch to show privacy")
    assert "in view" not in terminal.picture()
    rig.observer.send(f"{PREFIX}/request/health", "{}")
    began = time.monotonic()
    service.signal(signal.SIGKILL)
    rig.until(lambda: "offline" in terminal.picture(), "watch to notice")
    assert " live" not in terminal.picture()
    return f"privacy: gone; killed: offline after {time.monotonic() - began:.1f} s"
