"""The running service, measured from outside: a process of its own, a real broker, a subscriber."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.bench.media import FPS, Media
from edge.config.schema import LimitsConfig
from edge.demo.local_broker import LocalBroker
from edge.errors import EdgeError
from edge.messages.payloads import Latency
from edge.service.health import percentile

WARM_S = 6.0
THINNED_S = 40.0  # until a limit has found the rate of frames that it allows
ALLOCATOR = {  # as the unit sets it
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "8388608",
    "MALLOC_TRIM_THRESHOLD_": "8388608",
}
DEVICE = "bench"


class Whole(msgspec.Struct, frozen=True):
    """`latency_ms` is from the capture of a frame to the message in a subscriber's hands, where a frame is the news."""

    fps: float
    cpu_percent: float  # of one core
    rss_mb: float  # the highest seen
    rss_first_mb: float  # after the warm-up: what it grew by is the difference
    latency_ms: Latency
    seconds: float
    wakeups: float  # a second: how often any of its threads slept and went on
    first_reading_cpu_s: float  # what it took of a core from its start to its first reading in a subscriber's hands
    people: int  # the most that a reading told of
    thinned: str  # what a limit leaves out, and which


def measure(media: Media, folder: Path, seconds: float, *, fps: int = FPS, limit: float | None = None) -> Whole:
    """Run the service on `media` for so long, after a warm-up. `limit` is its max_cpu_percent."""
    broker = LocalBroker()
    port = broker.start()
    config = _config(media, folder, port, fps, limit)
    command = [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(folder / "state")]
    environment = {**os.environ, **ALLOCATOR, "PYTHONPYCACHEPREFIX": str(folder / "code")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    heard = _Heard()
    service: subprocess.Popen[bytes] | None = None
    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = heard.take
    try:
        listener.connect("127.0.0.1", port)
        listener.subscribe([(f"emotion/{DEVICE}/reading", 0), (f"emotion/{DEVICE}/health", 0)])
        listener.loop_start()
        _started([*command, "--for", "1"], environment).wait(60)  # for the byte code: an installed service has it
        heard.service = service = _started(command, environment)
        time.sleep(WARM_S if limit is None else THINNED_S)
        if service.poll() is not None:
            raise EdgeError("the service ended at once; `emotion-edge run` says why")
        heard.begin()
        cpu, woken, began = _cpu_seconds(service.pid), _wakeups(service.pid), time.monotonic()
        first = highest = _resident_mb(service.pid)
        while time.monotonic() - began < seconds:
            time.sleep(0.5)
            highest = max(highest, _resident_mb(service.pid))
        used, lasted = _cpu_seconds(service.pid) - cpu, time.monotonic() - began
        woken = _wakeups(service.pid) - woken
    finally:
        if service is not None:
            service.terminate()
            service.wait(10)
        listener.disconnect()
        listener.loop_stop()
        broker.stop()
    if not heard.latencies or not heard.rates:
        raise EdgeError("no reading of a face arrived while measuring")
    ordered = sorted(heard.latencies)
    return Whole(
        fps=round(sum(heard.rates) / len(heard.rates), 2),
        cpu_percent=round(100 * used / lasted, 1),
        rss_mb=round(highest, 1),
        rss_first_mb=round(first, 1),
        latency_ms=Latency(round(1000 * percentile(ordered, 0.5), 1), round(1000 * percentile(ordered, 0.95), 1)),
        seconds=round(lasted, 1),
        wakeups=round(woken / lasted, 1),
        first_reading_cpu_s=round(heard.first_reading_cpu_s or 0.0, 2),
        people=heard.people,
        thinned=heard.thinned,
    )


class _Heard:
    """What a subscriber notes of the service's messages."""

    def __init__(self) -> None:
        self.service: subprocess.Popen[bytes] | None = None
        self.first_reading_cpu_s: float | None = None
        self.people = 0
        self.thinned = ""
        self.begin()

    def begin(self) -> None:
        """From now on is measured."""
        self.thinned = ""
        self.latencies: list[float] = []
        self.rates: list[float] = []

    def take(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        now = time.time()
        told = json.loads(message.payload)
        if message.topic.endswith("/health"):
            self.rates.append(told["fps"])
            self.thinned = told["thinned"]
            return
        if self.first_reading_cpu_s is None and self.service is not None:
            self.first_reading_cpu_s = _cpu_seconds(self.service.pid)
        self.people = max(self.people, told["people"])
        ages = {name: told[name]["age_s"] for name in ("face", "speech") if told.get(name)}
        if ages and min(ages, key=lambda name: ages[name]) == "face":  # its time is that of the newest evidence
            self.latencies.append(now - datetime.fromisoformat(told["ts"].replace("Z", "+00:00")).timestamp())


def _started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def _config(media: Media, folder: Path, port: int, fps: int, limit: float | None) -> Path:
    config = folder / "bench.toml"
    config.write_text(
        f'[device]\nname = "{DEVICE}"\n[camera]\nsource = "{media.video}"\nfps = {fps}\n'
        f'[microphone]\nsource = "{media.audio}"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n'
        f"[publish]\nmax_hz = 10.0\nhealth_every_s = 2.0\n[face]\nmax_people = 8\n"
        f"[limits]\nmax_cpu_percent = {limit or LimitsConfig().max_cpu_percent}\n"
    )
    return config


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wakeups(pid: int) -> int:
    """How often its threads gave up the processor to wait."""
    waits = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
    found = (waits.search(path.read_text(encoding="ascii")) for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(each[1]) for each in found if each)


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
