"""Microphones through PyAudio (PortAudio): any native rate, as 16 kHz mono."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.base import BLOCK_S, Found, NothingYet
from edge.capture.resample import Resampler
from edge.device.clock import Clock
from edge.errors import CaptureError, MissingPackage
from edge.readings import SAMPLE_RATE, Samples, Sound

READ_S = 0.5
LET_GO_S = 1.0
HELD = 12  # blocks that wait at most: two seconds
DRIFT_S = 0.25  # between sound counted and time passed: beyond, sound was lost

_MISSING = "PyAudio is not installed: `sudo apt install python3-pyaudio`, or `pip install 'emotion-edge[audio]'`"
_RATES = (48_000, 44_100, SAMPLE_RATE)
_UNAVAILABLE, _BAD_CHANNELS, _BAD_RATE = -9985, -9998, -9997  # PortAudio's error numbers


def pyaudio_module() -> Any:
    """The optional package."""
    try:
        import pyaudio
    except (ImportError, OSError) as error:
        raise MissingPackage(_MISSING) from error
    _quiet_libraries()
    return pyaudio


def found() -> list[Found]:
    """Every device with an input, by the name that selects it. MissingPackage without PyAudio."""
    audio = pyaudio_module().PyAudio()
    try:
        return [Found(info["name"], info["name"], None, "pyaudio") for info in _inputs(audio)]
    finally:
        audio.terminate()


class PortAudioMicrophone:
    """A SoundSource. `wanted` is an index, a part of a name, or empty for the first that opens."""

    live = True

    def __init__(self, wanted: str, clock: Clock) -> None:
        self.name = f"microphone {wanted}".strip()
        self.dropped_s = 0.0  # sound that nobody came to read in time
        self._wanted = wanted
        self._clock = clock
        self._changed = threading.Condition()
        self._held: deque[tuple[float, bytes]] = deque()
        self._audio: Any = None
        self._stream: Any = None
        self._closing = False
        self._device_lock = threading.Lock()

    def open(self) -> None:
        self.close()
        module = pyaudio_module()
        with self._device_lock:
            self._closing = False
            self._held.clear()
            self._audio = module.PyAudio()  # PortAudio looks for devices only now, so each opening looks anew
            try:
                self._connect(module)
            except BaseException:
                self._audio.terminate()
                self._audio = None
                raise

    def read(self) -> Sound:
        with self._changed:
            if not self._changed.wait_for(lambda: self._held or self._closing, READ_S):
                if self._stream is None or not self._stream.is_active():
                    raise CaptureError(f"{self.name} stopped giving sound: was it unplugged?")
                raise NothingYet(f"{self.name}: no sound yet")
            if self._closing or self._stream is None:
                raise CaptureError(f"{self.name} is closed")
            arrived, raw = self._held.popleft()
        samples = self._resampler.push(self._mono(raw))
        return Sound(self._placed(arrived, len(samples)), samples)

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._held.clear()
            self._changed.notify_all()
        if not self._device_lock.acquire(timeout=LET_GO_S):
            raise CaptureError(f"{self.name}: the driver does not respond; the device could not be closed")
        try:
            stream, self._stream = self._stream, None
            audio, self._audio = self._audio, None
            if stream is not None:
                with contextlib.suppress(OSError):  # an unplugged device cannot be stopped, only closed
                    stream.stop_stream()
                with contextlib.suppress(OSError):
                    stream.close()
            if audio is not None:
                audio.terminate()
        finally:
            self._device_lock.release()

    def _connect(self, module: Any) -> None:
        reasons = []
        for info in self._candidates():
            self.name = f"microphone {info['name']}"
            try:
                self._start(module, info)
            except CaptureError as error:
                reasons.append(str(error))
                continue
            return
        raise CaptureError("; ".join(reasons))

    def _candidates(self) -> list[dict[str, Any]]:
        inputs = _inputs(self._audio)
        if not inputs:
            raise CaptureError(_why_none())
        if self._wanted.isdigit():
            chosen = [info for info in inputs if info["index"] == int(self._wanted)]
        else:
            chosen = [info for info in inputs if self._wanted.lower() in info["name"].lower()]
        if not chosen:
            names = ", ".join(f"{info['index']}: {info['name']}" for info in inputs)
            raise CaptureError(f"no microphone matches '{self._wanted}'; there are: {names}")
        if not self._wanted:
            with contextlib.suppress(OSError):
                default = self._audio.get_default_input_device_info()["index"]
                chosen.sort(key=lambda info: info["index"] != default)
        return chosen

    def _start(self, module: Any, info: dict[str, Any]) -> None:
        native = int(info["defaultSampleRate"])
        most = int(info["maxInputChannels"])
        reason: CaptureError | None = None
        for rate in dict.fromkeys((native, *_RATES)):
            for channels in sorted({1, min(2, most), most}):
                try:
                    self._stream = self._audio.open(
                        rate=rate, channels=channels, format=module.paInt16, input=True,
                        input_device_index=info["index"], frames_per_buffer=round(BLOCK_S * rate),
                        stream_callback=self._callback(module), start=False,
                    )  # fmt: skip
                except (OSError, ValueError) as error:
                    reason = _explained(self.name, error)
                    if isinstance(error, OSError) and error.errno in {_BAD_CHANNELS, _BAD_RATE}:
                        continue
                    raise reason from error
                self._channels, self._rate = channels, rate
                self._resampler = Resampler(rate)
                self._begin: float | None = None
                self._count = 0
                self._stream.start_stream()
                return
        raise reason or CaptureError(f"{self.name} cannot be opened")

    def _callback(self, module: Any) -> Any:
        def keep(raw: bytes, frames: int, _times: object, _status: int) -> tuple[None, int]:
            with self._changed:
                if self._closing:
                    return None, module.paComplete
                if len(self._held) >= HELD:
                    self._held.popleft()
                    self.dropped_s += frames / self._rate
                self._held.append((self._clock.monotonic(), raw))
                self._changed.notify_all()
            return None, module.paContinue

        return keep

    def _mono(self, raw: bytes) -> Samples:
        frames: NDArray[np.int16] = np.frombuffer(raw, dtype=np.int16).reshape(-1, self._channels)
        # Two channels are stereo; more are an array of microphones, whose mean would comb out the voice.
        first = frames[:, :2] if self._channels == 2 else frames[:, :1]
        return np.asarray(first.mean(axis=1, dtype=np.float32)) / np.float32(32768)

    def _placed(self, arrived: float, count: int) -> float:
        """Time of a block's first sample: by counting, as arrivals jitter, and kept near the arrivals."""
        latest = arrived - count / SAMPLE_RATE  # it cannot have been captured later
        if self._begin is None:
            self._begin = latest
        off = latest - (self._begin + self._count / SAMPLE_RATE)
        if abs(off) > DRIFT_S:
            self._begin, self._count = latest, 0
        else:  # late arrivals say little about the clock, early ones much
            self._begin += off * (0.01 if off > 0 else 0.1)
        time = self._begin + self._count / SAMPLE_RATE
        self._count += count
        return time


def _inputs(audio: Any) -> list[dict[str, Any]]:
    infos = [audio.get_device_info_by_index(index) for index in range(audio.get_device_count())]
    return [info for info in infos if info["maxInputChannels"] > 0]


def _explained(name: str, error: Exception) -> CaptureError:
    if isinstance(error, OSError) and error.errno == _UNAVAILABLE:
        return CaptureError(f"{name} is used by another program, or was just unplugged")
    return CaptureError(f"{name} cannot be opened: {error.args[-1] if error.args else error}")


def _why_none(devices: Path = Path("/dev/snd")) -> str:
    nodes = sorted(devices.glob("pcmC*c"))
    if nodes and not any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return "no permission to use the microphone: add the user to the group audio (sudo usermod -aG audio $USER)"
    return "no microphone found: plug one in (`arecord -l` lists what the system sees)"


_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)


# Kept alive here: the libraries call them for every guess of theirs that does not fit this machine.
_ignore = _HANDLER(lambda *_: None)
_ignore_text = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda _: None)


def _quiet_libraries() -> None:
    """ALSA and JACK, which PortAudio tries in turn, would write pages to stderr."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2", mode=os.RTLD_NOLOAD).snd_lib_error_set_handler(_ignore)
    with contextlib.suppress(OSError, AttributeError):
        jack = ctypes.CDLL("libjack.so.0", mode=os.RTLD_NOLOAD)
        jack.jack_set_error_function(_ignore_text)
        jack.jack_set_info_function(_ignore_text)
