"""A microphone through the real PortAudio, ALSA and PulseAudio, to be stopped, muted and taken away."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

_ALSA = """
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


def why_not() -> str | None:
    """What is missing here, or None."""
    if importlib.util.find_spec("pyaudio") is None:
        return "PyAudio is not installed"
    for program in ("pulseaudio", "pactl", "paplay"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        return "ALSA's plugin for PulseAudio is not installed (libasound2-plugins)"
    return None


class Soundcard:
    """PulseAudio with one null sink, whose monitor is the microphone; `env` is for who is to hear it."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        (home / "asound.conf").write_text(_ALSA)
        self.env = {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{home / 'asound.conf'}",
            "PULSE_SERVER": f"unix:{home / 'pulse.socket'}",
        }
        self._home = home
        self._server: subprocess.Popen[bytes] | None = None
        self._player: subprocess.Popen[bytes] | None = None

    def plug(self) -> None:
        self._server = self._run(
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit=no",
            "-L", f"module-native-protocol-unix socket={self._home / 'pulse.socket'} auth-anonymous=1",
            "-L", "module-null-sink sink_name=virt rate=16000 channels=1",
            "-L", "module-remap-source source_name=fakemic master=virt.monitor",
        )  # fmt: skip
        end = time.monotonic() + 20
        while self._pactl("info"):
            assert time.monotonic() < end, "pulseaudio does not start"
            time.sleep(0.05)
        assert self._pactl("set-default-source", "fakemic") == 0

    def unplug(self) -> None:
        """The sound server dies, and with it the device."""
        self._end(self._server)
        self._server = None

    def stall(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)

    def speak(self, sound: Path) -> None:
        """Plays it again and again."""
        loop = 'while paplay --device=virt "$0"; do :; done'
        self._player = self._run("sh", "-c", loop, str(sound), group=True)

    def fall_silent(self) -> None:
        """From now on there are zeros, as of a muted microphone."""
        if self._player is not None:
            os.killpg(self._player.pid, signal.SIGKILL)
            self._player.wait()
            self._player = None

    def close(self) -> None:
        self.go_on()
        self.fall_silent()
        self._end(self._server)

    def _run(self, *command: str, group: bool = False) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env={**os.environ, **self.env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=group,
        )

    def _pactl(self, *words: str) -> int:
        done = subprocess.run(["pactl", *words], env={**os.environ, **self.env}, capture_output=True, check=False)
        return done.returncode

    def _end(self, process: subprocess.Popen[bytes] | None) -> None:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
