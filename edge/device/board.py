"""Which board this is, how warm it is, and whether it slows itself down: read from /proc and /sys alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

BoardName = Literal["pi4", "pi5", "jetson", "laptop"]

# Thermal zones that tell of the processor, the best first; without one of them the hottest zone counts.
_PROCESSOR_ZONES = ("cpu-thermal", "cpu_thermal", "CPU-therm", "x86_pkg_temp", "tj-thermal")
_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
# get_throttled of the Pi's firmware: under-voltage, frequency capped, throttled, soft temperature limit; as of now.
_PI_THROTTLED_NOW = 0b1111


@dataclass(frozen=True, slots=True)
class Board:
    """The device we run on."""

    name: BoardName  # the preset in firmware_config/boards
    model: str  # as the device tree or the firmware names it
    root: Path = Path("/")

    def temperature(self) -> float | None:
        """Degrees Celsius of the processor, if the device tells."""
        zones = dict(_zones(self.root))
        for kind in _PROCESSOR_ZONES:
            if kind in zones:
                return zones[kind]
        sensors = dict(_sensors(self.root))
        for kind in _PROCESSOR_SENSORS:
            if kind in sensors:
                return sensors[kind]
        return max(zones.values(), default=None)

    def throttled(self) -> bool | None:
        """Whether the processor is slowed down right now by heat or weak power, if the device tells."""
        for file in (self.root / "sys/devices/platform").glob("soc*/*firmware/get_throttled"):
            word = _read(file)
            if word:
                try:
                    return bool(int(word, 16) & _PI_THROTTLED_NOW)
                except ValueError:
                    break
        states = []
        for device in sorted((self.root / "sys/class/thermal").glob("cooling_device*")):
            kind = _read(device / "type")
            if kind == "Processor" or "cpufreq" in kind or kind.startswith("cpu-"):
                states.append(_read(device / "cur_state"))
        return any(state not in ("", "0") for state in states) if states else None


def detect(root: Path = Path("/")) -> Board:
    """The board below `root`: Raspberry Pi and Jetson by their device tree, anything else counts as a laptop."""
    model = _read(root / "proc/device-tree/model")
    compatible = _read(root / "proc/device-tree/compatible")
    if model.startswith("Raspberry Pi"):
        # Compute Module 5, Pi 500 and the like run as a Pi 5; what is older than a Pi 4 as a Pi 4.
        words = model.removeprefix("Raspberry Pi ").removeprefix("Compute Module ").split()
        return Board("pi5" if words and words[0].startswith("5") else "pi4", model, root)
    if "nvidia,tegra" in compatible or "Jetson" in model:
        return Board("jetson", model or "NVIDIA Jetson", root)
    return Board("laptop", model or _firmware_name(root), root)


def _firmware_name(root: Path) -> str:
    names = [_read(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name")]
    return " ".join(name for name in names if name) or "unknown"


def _zones(root: Path) -> Iterator[tuple[str, float]]:
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        celsius = _celsius(zone / "temp")
        if celsius is not None:
            yield _read(zone / "type"), celsius


def _sensors(root: Path) -> Iterator[tuple[str, float]]:
    for sensor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        celsius = _celsius(sensor / "temp1_input")
        if celsius is not None:
            yield _read(sensor / "name"), celsius


def _celsius(file: Path) -> float | None:
    """Millidegrees in a file; a sensor that is off reads as an error or as nonsense."""
    try:
        celsius = int(_read(file)) / 1000
    except ValueError:
        return None
    return celsius if 0 < celsius < 150 else None


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").replace("\0", " ").strip()
    except OSError:
        return ""
