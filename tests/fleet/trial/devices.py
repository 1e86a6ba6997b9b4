"""Devices of one site, made from the real client and the real payloads, without camera and microphone.

A process of its own: `python -m tests.fleet.trial.devices SPEC RESULT`. It says "telling" when it begins, tells facts
for a while or until SIGTERM, waits until the brokers have them all, and writes what it told.
"""

from __future__ import annotations

import heapq
import json
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from edge.config.overrides import live_values
from edge.config.schema import Config, DeviceConfig, MqttConfig, OutboxConfig
from edge.config.secrets import public
from edge.device.clock import SystemClock
from edge.homeassistant.announcer import Announcer
from edge.messages import payloads as say
from edge.mqtt.publisher import Publisher
from edge.readings import LABELS

LOOK_S = 0.1  # how often it is looked whether something is due


class Spec(msgspec.Struct, frozen=True):
    """What a process shall do."""

    site: str
    base: str
    hosts: tuple[str, ...]
    first: int
    devices: int
    seconds: float
    ramp_s: float
    drain_s: float
    folder: str
    seed: int
    reading_hz: float
    slower: float = 1.0  # so many times as long from one message to the next
    look_s: float = 0.1  # how often it is noted who is connected
    online: str = ""  # a file that says how many are


class Device:
    """One device: what it tells, and how much of it."""

    def __init__(self, spec: Spec, number: int) -> None:
        self.name = f"dev-{number:05d}"
        self._base = spec.base
        self.told: Counter[str] = Counter()
        self._random = random.Random(spec.seed * 100_003 + number)
        folder = Path(spec.folder) / self.name
        self.publisher = Publisher(
            MqttConfig(hosts=spec.hosts, base=spec.base),
            OutboxConfig(),
            device=self.name,
            client_id=f"edge-{self.name}",
            password=None,
            folder=folder,
            clock=SystemClock(),
            on_command=lambda _: None,
            synced=lambda: True,
        )
        self._announcer = Announcer(
            self.publisher.publish, folder, enabled=True, connected=lambda: self.publisher.connected
        )

    def start(self) -> None:
        """Everything retained that a device tells when it starts, some 23 kB with the discovery message."""
        self.publisher.start()
        _, tenant, site, group = self._base.split("/")
        config = Config(device=DeviceConfig(name=self.name, tenant=tenant, site=site, group=group))
        info = say.InfoPayload(
            version="1", device=self.name, board="simulated", runtime="none", python="3",
            models={"face": {"version": "2", "sha256": "0" * 64, "origin": "shipped"}}, labels=LABELS,
            config=public(config),
        )  # fmt: skip
        self.publisher.publish("info", info)
        for key, value in live_values(config).items():
            word = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            self.publisher.publish(f"config/{key}", word)
        self.publisher.publish("settings", say.SettingsPayload(values=live_values(config)))
        for source in ("camera", "microphone"):
            self.publisher.publish(f"status/{source}", say.SourcePayload(state="online"))
        self.publisher.publish("privacy", "OFF")
        self._announcer.notify("info", info, None)

    def tell(self, kind: str) -> None:
        self.told[kind] += 1
        self.publisher.publish(kind, getattr(self, f"_{kind}")())

    def _distribution(self) -> dict[str, float]:
        shares = [self._random.random() ** 4 for _ in LABELS]
        return {label: round(share / sum(shares), 4) for label, share in zip(LABELS, shares, strict=True)}

    def _reading(self) -> say.ReadingPayload:
        given = self._distribution()
        label = max(given, key=lambda each: given[each])
        part = say.ModalityPart(probabilities=given, age_s=0.05, quality=0.93, weight=0.66)
        return say.ReadingPayload(
            probabilities=given, label=label, confidence=given[label], valence=0.31, arousal=0.22, people=1, face=part
        )

    def _state(self) -> say.StatePayload:
        return say.StatePayload(
            label="happy", confidence=0.8641, since="2026-11-21T06:25:58.101Z", for_s=9.3, people=1,
            modalities=("face", "speech"), valence=0.68, arousal=0.47,
        )  # fmt: skip

    def _event(self) -> say.EventPayload:
        return say.EventPayload(event="state_entered", label="happy", previous="neutral", lasted_s=12.3, people=1)

    def _summary(self) -> say.SummaryPayload:
        return say.SummaryPayload(
            seconds=60.0, probabilities=self._distribution(), time_in_state_s={"happy": 21.4, "neutral": 38.6},
            people_mean=1.2, people_max=2, valence=0.2, arousal=0.1,
        )  # fmt: skip

    def _health(self) -> say.HealthPayload:
        return say.HealthPayload(
            uptime_s=3600.1, fps=15.0, frames=54_000, frames_dropped=3, sound_dropped_s=0.0, queue=0,
            latency_ms=say.Latency(5.1, 9.2), cpu_percent=11.2, rss_mb=105.1, temperature_c=51.2, throttled=False,
        )  # fmt: skip


def run(spec: Spec, stop: threading.Event) -> dict[str, Any]:
    """Tell for `spec.seconds` or until `stop`, and what was told."""
    chance = random.Random(spec.seed)
    devices = [Device(spec, spec.first + number) for number in range(spec.devices)]
    every = {"state": 10.0, "event": 12.0, "summary": 60.0, "health": 30.0}
    if spec.reading_hz:
        every["reading"] = 1.0 / spec.reading_hz
    every = {kind: seconds * spec.slower for kind, seconds in every.items()}
    began = time.monotonic()
    due: list[tuple[float, int, int, str]] = []
    for index in range(len(devices)):
        at = began + spec.ramp_s * index / len(devices)
        heapq.heappush(due, (at, len(due), index, "start"))
        for kind, seconds in every.items():
            heapq.heappush(due, (at + chance.random() * seconds, len(due), index, kind))
    count, end = len(due), began + spec.ramp_s + spec.seconds
    online = Online(devices, spec)
    print("telling", flush=True)
    while due and due[0][0] < end and not stop.is_set():
        at, _, index, kind = heapq.heappop(due)
        online.look()  # also when there is no time to wait
        while (left := at - time.monotonic()) > 0 and not stop.wait(min(left, LOOK_S)):
            online.look()
        if stop.is_set():
            break
        if kind == "start":
            devices[index].start()
            continue
        devices[index].tell(kind)
        count += 1
        wait = every[kind] * (0.5 + chance.random() if kind == "event" else 1.0)
        heapq.heappush(due, (at + wait, count, index, kind))
    give_up = time.monotonic() + spec.drain_s
    while time.monotonic() < give_up and not all(_done(device.publisher) for device in devices):
        time.sleep(LOOK_S)
        online.look()
    time.sleep(2.0)  # the last ones are under way
    tenant = spec.base.split("/")[1]
    statuses = {device.name: device.publisher.status() for device in devices}
    with ThreadPoolExecutor(len(devices)) as threads:
        list(threads.map(lambda device: device.publisher.stop(timeout=5.0), devices))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "site": spec.site,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "online": online.changes,
        "devices": {
            f"{tenant}/{device.name}": {
                "session": device.publisher.session,
                "told": dict(device.told),
                "connections": statuses[device.name].connections,
                "dropped": statuses[device.name].dropped,
                "left": statuses[device.name].outbox,
                "sent_bytes": statuses[device.name].sent_bytes_today,
            }
            for device in devices
        },
    }


def _done(publisher: Publisher) -> bool:
    return publisher.connected and publisher.status().outbox == 0


class Online:
    """Notes how many are connected, and when that changes."""

    def __init__(self, devices: list[Device], spec: Spec) -> None:
        self._look_s = spec.look_s
        self._file = Path(spec.online) if spec.online else None
        self.changes: list[tuple[float, int]] = []
        self._devices = devices
        self._next = 0.0

    def look(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._look_s
        count = sum(device.publisher.connected for device in self._devices)
        if not self.changes or self.changes[-1][1] != count:
            self.changes.append((time.time(), count))
            if self._file:
                fresh = self._file.with_suffix(".new")
                fresh.write_text(str(count))
                fresh.replace(self._file)


if __name__ == "__main__":
    sys.setswitchinterval(0.05)  # hundreds of threads that look every 5 ms whether it is their turn do nothing else
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    result = run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Spec), ended)
    Path(sys.argv[2]).write_text(json.dumps(result), "utf-8")
