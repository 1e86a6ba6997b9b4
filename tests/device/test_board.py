from __future__ import annotations

from pathlib import Path

import pytest

from edge.device.board import detect


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Raspberry Pi 4 Model B Rev 1.5\0", "pi4"),
        ("Raspberry Pi 400 Rev 1.0\0", "pi4"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3\0", "pi4"),
        ("Raspberry Pi Zero 2 W Rev 1.0\0", "pi4"),
        ("Raspberry Pi 5 Model B Rev 1.0\0", "pi5"),
        ("Raspberry Pi 500 Rev 1.0\0", "pi5"),
        ("Raspberry Pi Compute Module 5 Rev 1.0\0", "pi5"),
        ("Raspberry Pi Compute Module 4 Rev 1.1\0", "pi4"),
        ("NVIDIA Jetson Nano Developer Kit\0", "jetson"),
        ("Radxa ROCK 5B\0", "laptop"),
    ],
)
def test_boards_by_their_device_tree(tmp_path: Path, model: str, name: str) -> None:
    write(tmp_path, "proc/device-tree/model", model)
    board = detect(tmp_path)
    assert board.name == name
    assert board.model == model.rstrip("\0")


def test_an_orin_by_its_chip_and_a_laptop_by_its_firmware(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/dmi/id/sys_vendor", "LENOVO\n")
    write(tmp_path, "sys/class/dmi/id/product_name", "20XW\n")
    assert (detect(tmp_path).name, detect(tmp_path).model) == ("laptop", "LENOVO 20XW")
    write(tmp_path, "proc/device-tree/model", "NVIDIA Orin Nano Developer Kit\0")
    write(tmp_path, "proc/device-tree/compatible", "nvidia,p3768-0000\0nvidia,tegra234\0")
    assert detect(tmp_path).name == "jetson"


def test_a_device_that_tells_nothing(tmp_path: Path) -> None:
    board = detect(tmp_path)
    assert (board.name, board.model) == ("laptop", "unknown")
    assert board.temperature() is None
    assert board.throttled() is None


def test_the_processor_zone_is_the_one_that_counts(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "acpitz")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "71000")
    board = detect(tmp_path)
    assert board.temperature() == 71.0
    write(tmp_path, "sys/class/hwmon/hwmon0/name", "k10temp")
    write(tmp_path, "sys/class/hwmon/hwmon0/temp1_input", "55500")
    assert board.temperature() == 55.5
    write(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "48312\n")
    assert board.temperature() == 48.312
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "-274000\n")  # nonsense of a sensor that is off
    assert board.temperature() == 55.5


@pytest.mark.parametrize(("word", "throttled"), [("0x0", False), ("0x50000", False), ("0x50005", True), ("8", True)])
def test_throttling_of_a_pi_is_that_of_now(tmp_path: Path, word: str, throttled: bool) -> None:
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", word + "\n")
    assert detect(tmp_path).throttled() is throttled


def test_throttling_by_cooling_devices(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/thermal/cooling_device0/type", "pwm-fan")
    write(tmp_path, "sys/class/thermal/cooling_device0/cur_state", "3")
    board = detect(tmp_path)
    assert board.throttled() is None  # a fan slows nothing down
    write(tmp_path, "sys/class/thermal/cooling_device1/type", "thermal-cpufreq-0")
    write(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "0")
    assert board.throttled() is False
    write(tmp_path, "sys/class/thermal/cooling_device1/cur_state", "2")
    assert board.throttled() is True
