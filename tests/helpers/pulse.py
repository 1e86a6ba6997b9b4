"""A PulseAudio of the test's own, with one null sink whose monitor is the microphone."""

from __future__ import annotations

import shutil
import subprocess
import time
import wave
from pathlib import Path

import numpy as np
import pytest

PULSE = """
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.fakemic { type pulse device fakemic hint { show on description "Fake microphone" } }
"""


class Server:
    """PulseAudio with one null sink, whose monitor is the microphone."""

    def __init__(self, home: Path, rate: int) -> None:
        self._home = home
        self._rate = rate
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        socket = self._home / "pulse.socket"
        self._children.append(
            subprocess.Popen(
                [
                    "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit=no",
                    "-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1",
                    "-L", f"module-null-sink sink_name=virt rate={self._rate} channels=2",
                    "-L", "module-remap-source source_name=fakemic master=virt.monitor",
                ],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        end = time.monotonic() + 10
        while subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode:
            assert time.monotonic() < end, "pulseaudio does not start"
            time.sleep(0.05)
        subprocess.run(["pactl", "set-default-source", "fakemic"], check=True, capture_output=True)

    def play(self, frequency: float = 440.0, seconds: float = 30.0, amplitude: float = 0.5) -> subprocess.Popen[bytes]:
        path = self._home / "tone.wav"
        values = amplitude * np.sin(2 * np.pi * frequency * np.arange(int(self._rate * seconds)) / self._rate)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._rate)
            file.writeframes((np.clip(values, -1, 1) * 32767).astype("<i2").tobytes())
        self._children.append(subprocess.Popen(["paplay", "--device=virt", str(path)]))
        return self._children[-1]

    def stop(self) -> None:
        for child in reversed(self._children):
            child.terminate()
        for child in self._children:
            child.wait(10)
        self._children = []


def prepare(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point ALSA and PulseAudio at `home`; skips where the programs are missing."""
    pytest.importorskip("pyaudio", reason="PyAudio is not installed")
    for program in ("pulseaudio", "pactl", "paplay"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if not any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        pytest.skip("ALSA's plugin for PulseAudio is not installed (libasound2-plugins)")
    (home / "asound.conf").write_text(PULSE)
    monkeypatch.setenv("ALSA_CONFIG_PATH", f"/usr/share/alsa/alsa.conf:{home / 'asound.conf'}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{home / 'pulse.socket'}")
