"""A stand-in for picamera2 in the service's process, whose `close()` hangs for as long as a file exists."""

from __future__ import annotations

from pathlib import Path

_MODULE = """
import os, time
import numpy as np

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Picamera2:
    @staticmethod
    def global_camera_info():
        return [{"Num": 0, "Model": "imx708", "Id": "/base/soc/i2c0mux"}]

    def __init__(self, number=0):
        self._device = os.open(os.path.join(FOLDER, "device"), os.O_RDWR | os.O_CREAT)

    def create_video_configuration(self, **asked):
        return asked

    def configure(self, asked):
        self._sizes = {name: asked[name]["size"] for name in ("main", "lores")}

    def start(self):
        pass

    def capture_request(self):
        time.sleep(1 / 15)
        return Request(self._sizes)

    def stop(self):
        pass

    def close(self):
        while os.path.exists(os.path.join(FOLDER, "hang")):
            time.sleep(0.02)
        os.close(self._device)


class Request:
    def __init__(self, sizes):
        self._sizes = sizes

    def make_array(self, stream):
        width, height = self._sizes[stream]
        shape = (height, width, 3) if stream == "main" else (height * 3 // 2, width)
        return np.random.default_rng().integers(100, 120, shape, dtype=np.uint8)

    def get_metadata(self):
        return {"SensorTimestamp": time.monotonic_ns()}

    def release(self):
        pass
"""


class StandIn:
    """`env` goes to the service, `camera` is its source there."""

    camera = "picamera2"

    def __init__(self, folder: Path) -> None:
        (folder / "picamera2").mkdir(parents=True)
        (folder / "picamera2" / "__init__.py").write_text(_MODULE)
        self.device = folder / "device"
        self._hang = folder / "hang"
        self.env = {"PYTHONPATH": str(folder)}

    def hang(self) -> None:
        """From now on close() does not return."""
        self._hang.touch()

    def answer(self) -> None:
        self._hang.unlink()

    def is_open(self, descriptors: list[str]) -> bool:
        """Whether it is among what a process has open."""
        return str(self.device) in descriptors
