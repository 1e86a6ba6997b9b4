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

from edge.bench.media import Media
from edge.demo.local_broker import LocalBroker
from edge.errors import EdgeError
from edge.messages.payloads import Latency
from edge.service.health import percentile

WARM_S = 6.0
DEVICE = "bench"


class Whole(msgspec.Struct, frozen=True):
    """`latency_ms` is from the capture of the frame to the message in a subscriber's hands."""

    fps: float
    cpu_percent: float  # of one core
    rss_mb: float  # the highest seen
    latency_ms: Latency
    seconds: float
    wakeups: float  # a second: how often any of its threads slept and went on
    first_reading_cpu_s: float  # what it took of a core from its start to its first reading in a subscriber's hands
    people: int  # the most that a reading told of


def measure(media: Media, folder: Path, seconds: float) -> Whole:
    """Run the service on `media` for so long, after a warm-up."""
    broker = LocalBroker()
    port = broker.start()
    config = folder / "bench.toml"
    config.write_text(
        f'[device]\nname = "{DEVICE}"\n[camera]\nsource = "{media.video}"\n[microphone]\nsource = "{media.audio}"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[publish]\nmax_hz = 10.0\nhealth_every_s = 1.0\n'
    )
    latencies: list[float] = []
    rates: list[float] = []
    people = [0]
    first_reading_cpu: list[float] = []
    service: subprocess.Popen[bytes] | None = None

    def received(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        now = time.time()
        if message.topic.endswith("/reading"):
            if not first_reading_cpu and service is not None:
                first_reading_cpu.append(_cpu_seconds(service.pid))
            reading = json.loads(message.payload)
            latencies.append(now - datetime.fromisoformat(reading["ts"].replace("Z", "+00:00")).timestamp())
            people.append(reading["people"])
        else:
            rates.append(json.loads(message.payload)["fps"])

    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = received
    try:
        listener.connect("127.0.0.1", port)
        listener.subscribe([(f"emotion/{DEVICE}/reading", 0), (f"emotion/{DEVICE}/health", 0)])
        listener.loop_start()
        service = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(folder / "state")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(WARM_S)
        if service.poll() is not None:
            raise EdgeError("the service ended at once; `emotion-edge run` says why")
        latencies.clear()
        rates.clear()
        cpu, woken, began, highest = _cpu_seconds(service.pid), _wakeups(service.pid), time.monotonic(), 0.0
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
    if not latencies or not rates:
        raise EdgeError("no reading arrived while measuring")
    ordered = sorted(latencies)
    return Whole(
        fps=round(sum(rates) / len(rates), 2),
        cpu_percent=round(100 * used / lasted, 1),
        rss_mb=round(highest, 1),
        latency_ms=Latency(round(1000 * percentile(ordered, 0.5), 1), round(1000 * percentile(ordered, 0.95), 1)),
        seconds=round(lasted, 1),
        wakeups=round(woken / lasted, 1),
        first_reading_cpu_s=round(first_reading_cpu[0], 2),
        people=max(people),
    )


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
