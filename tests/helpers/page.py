"""The page without a service: fed with a scripted hour by the real scene, so that there is something to see."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.config.overrides import live_values
from edge.config.schema import Config
from edge.config.schema import DashboardConfig as Settings
from edge.dashboard.days import PastDays
from edge.dashboard.observer import DashboardObserver
from edge.dashboard.password import Password
from edge.dashboard.preview import Aim
from edge.device.clock import SystemClock
from edge.emotion.fusion import learned_weights
from edge.emotion.scene import Scene
from edge.history.minutes import NOTHING, Minute, Total, add, total_of
from edge.messages.commands import Command
from edge.messages.payloads import HealthPayload, InfoPayload, Latency, Payload, ResponsePayload, SourcePayload
from edge.messages.status import BrokerStatus
from edge.readings import LABELS, FaceReading, FacesReading, Probabilities, SpeechReading

# What happens: minutes ago, how many people, which feeling of the first, does anybody speak.
SCRIPT = (
    (60, 1, "neutral", False), (56, 1, "happy", True), (53, 2, "happy", True), (49, 2, "surprised", True),
    (48, 2, "happy", True), (43, 1, "neutral", False), (40, 0, "neutral", False), (31, 1, "neutral", False),
    (28, 1, "sad", True), (24, 2, "angry", True), (22, 2, "fearful", True), (21, 2, "sad", True),
    (17, 1, "neutral", False), (13, 2, "happy", True), (9, 3, "surprised", True), (8.4, 3, "happy", True),
    (4.6, 2, "neutral", True), (3.6, 2, "sad", True), (2.9, 2, "happy", True), (1.8, 2, "surprised", True),
    (1.5, 2, "happy", True),
)  # fmt: skip
STEP_S = 0.5
SEAT = {"neutral": -0.4, "happy": 0.9}  # what calibrating it gives


class Mood:
    """A model's answers that lean to a feeling, with doubts that come and go slowly, as those of models do."""

    def __init__(self, seed: int, doubt: float) -> None:
        self._chance = random.Random(seed)
        self._doubt = doubt
        self._drift = [0.0] * len(LABELS)
        self._lean = dict.fromkeys(LABELS, 0.0)

    def answer(self, label: str, sureness: float) -> Probabilities:
        self._drift = [0.93 * drift + self._chance.gauss(0.0, 0.37 * self._doubt) for drift in self._drift]
        for name in LABELS:
            self._lean[name] += 0.12 * ((sureness if name == label else 0.0) - self._lean[name])
        powers = [math.exp(self._lean[name] + drift) for name, drift in zip(LABELS, self._drift, strict=True)]
        return tuple(power / sum(powers) for power in powers)


class ScriptedHour:
    """The real fusion and decision over scripted readings; `until` may be called again as time goes on."""

    def __init__(self, now: float, wall: float, seconds: float = 3600.0) -> None:
        self._end, self._wall = now, wall
        self._time = now - seconds
        self._scene = Scene(Config(), learned_weights(), self._time)
        self._moods = [Mood(7 + i, 0.8) for i in range(3)]
        self._voice = Mood(3, 1.0)
        self._track, self._many = 1, 0

    def until(self, now: float) -> Iterator[tuple[str, Payload, float]]:
        """What the service would have told up to now."""
        while self._time < now:
            self._time += STEP_S
            minutes = (self._end - self._time) / 60
            _, people, label, talking = [entry for entry in SCRIPT if entry[0] >= minutes - 1e-6][-1]
            if people != self._many:
                self._track, self._many = self._track + max(people - self._many, 0), people
            faces = []
            for i in range(people):
                probabilities = self._moods[i].answer(label if i == 0 else "neutral", 4.2 if i == 0 else 2.5)
                faces.append(FaceReading(self._time, self._track - i, probabilities, 0.85 - 0.3 * i, 140.0))
            self._scene.feed(FacesReading(self._time, 0, tuple(faces)))
            talks = talking and people > 0 and math.sin(self._time / 7) > -0.4
            said = self._voice.answer(label, 2.8) if talks else None
            self._scene.feed(SpeechReading(self._time, said, 0.6 if said else 0.0))
            for message in self._scene.tick(self._time, self._wall - (self._end - self._time)):
                yield message.topic, message.payload, message.captured


def told_at_start(config: Config) -> Iterator[tuple[str, Payload | str]]:
    """What the service tells of itself."""
    yield "info", InfoPayload(
        version="1", device="living-room", board="", runtime="", python="", models={}, labels=LABELS, config={}
    )  # fmt: skip
    for key, value in live_values(config).items():
        yield f"config/{key}", str(value).lower() if isinstance(value, bool) else str(value)
    yield "privacy", "OFF"
    yield "status/camera", SourcePayload(state="online")
    yield "status/microphone", SourcePayload(state="online")


HEALTH = HealthPayload(
    uptime_s=3600, fps=15.0, frames=54_000, frames_dropped=0, sound_dropped_s=0, queue=0,
    latency_ms=Latency(median=6.2, p95=31.0), cpu_percent=11.8, rss_mb=111.2, temperature_c=47.2, throttled=False,
)  # fmt: skip


@contextmanager
def lived_in(dashboard: DashboardObserver, seconds: float = 3600.0) -> Iterator[None]:
    """So much of the scripted hour has passed, and time goes on."""
    clock, ended = SystemClock(), threading.Event()
    script = ScriptedHour(clock.monotonic(), clock.wall(), seconds)

    def tell() -> None:
        for number, (topic, payload, at) in enumerate(script.until(clock.monotonic())):
            dashboard.notify(topic, payload, at)
            if number % 500 == 499:
                time.sleep(0.05)  # it hears no faster than it digests

    def go_on() -> None:
        while not ended.wait(0.25):
            tell()

    tell()
    dashboard.notify("health", HEALTH, None)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class KeptDays:
    """Some weeks in the life of a room: people come in the morning and in the evening, and sleep at night."""

    def __init__(self, now: float, days: int = 30) -> None:
        self.keep_days = days
        self.minutes = [minute for day in range(min(days, 16)) for minute in _day(now, day)]
        self.minutes = sorted(each for each in self.minutes if each.begin < now)

    def first(self) -> int | None:
        return self.minutes[0].begin if self.minutes else None

    def between(self, start: float, end: float) -> list[Minute]:
        return [each for each in self.minutes if start <= each.begin < end]

    def totals(self, start: int, end: int, step: int) -> dict[int, Total]:
        found: dict[int, Total] = {}
        for each in self.between(start, end):
            at = (each.begin - start) // step
            found[at] = add(found.get(at, NOTHING), total_of(each))
        return found

    def delete(self) -> None:
        self.minutes.clear()


def _day(now: float, ago: int) -> Iterator[Minute]:
    midnight = time.mktime((*time.localtime(now - 86_400 * ago)[:3], 0, 0, 0, 0, 0, -1))
    chance = random.Random(ago)
    for i in range(1_440):
        hour = i / 60
        if 2.0 < hour < 5.0 and ago % 3 == 1:
            continue  # switched off
        home = 6.5 < hour < 8.5 or 17.0 < hour < 23.0 or (ago % 7 in (2, 3) and hour > 9)
        if not home or chance.random() < 0.12:
            yield Minute(int(midnight) + 60 * i, 600, 0, 0, (0,) * len(LABELS) + (0, 600), None)
            continue
        powers = [3.0, 1.6 * math.sin(hour) ** 2, 0.4, 0.3 * (ago % 4), 0.1, 0.1, 0.25, 0.8]
        weights = [power * chance.random() for power in powers]
        states = [round(600 * weight / sum(weights)) for weight in weights]
        people = chance.randint(1, 3)
        shares = tuple(round(1000 * weight / sum(weights[:7])) for weight in weights[:7])
        yield Minute(int(midnight) + 60 * i, 600, 600 * people, people, (*states, 0), shares)


@contextmanager
def page(
    folder: Path,
    port: int,
    *,
    over_mqtt: bool = False,
    refuses: Mapping[str, str] | None = None,
    days: PastDays | None = None,
    **settings: Any,
) -> Iterator[DashboardObserver]:
    """The page at 127.0.0.1, with nothing told yet. Commands are carried out as the service would, if all goes well;
    those in `refuses` are answered with that error."""
    clock = SystemClock()
    served: list[DashboardObserver] = []

    def answer(command: Command) -> None:
        name = command.name if command.kind == "request" else command.kind
        told: dict[str, object] = {}
        if name == "privacy":
            served[0].notify("privacy", "ON" if command.value else "OFF", None)
        elif name == "set":
            told = command.value["values"]
            for key, value in told.items():
                served[0].notify(f"config/{key}", str(value), None)
        elif name == "calibrate" and name not in (refuses or {}):
            told = {"before": {}, "after": SEAT}
            served[0].notify("config/face.rest", msgspec.json.encode(SEAT).decode(), None)
        elif name == "reset" and command.value["key"] == "face.rest":
            served[0].notify("config/face.rest", "{}", None)
        error = (refuses or {}).get(name)
        if name != "health":
            response = ResponsePayload(
                status="error" if error else "ok", data=told, error=error, transaction=command.transaction
            )
            served[0].notify(f"response/{name}", response, None)

    dashboard = DashboardObserver(
        Settings(enabled=True, port=port, **settings),
        password=Password(folder / "dashboard-password"),
        device="living-room",
        send=answer,
        broker=lambda: BrokerStatus("connected"),
        aim=Aim(clock, allowed=False),
        clock=clock,
        over_mqtt=over_mqtt,
        days=days,
    )
    served.append(dashboard)
    dashboard.start()
    try:
        yield dashboard
    finally:
        dashboard.stop()
