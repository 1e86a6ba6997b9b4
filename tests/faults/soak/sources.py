"""A camera and a microphone that fail now and then, in every way that real ones do."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np

from edge.capture.base import NothingYet
from edge.errors import CaptureError
from edge.readings import SAMPLE_RATE, Frame, Samples, Sound
from tests.faults.soak.clock import HurriedClock

T = TypeVar("T", Frame, Sound)
Kind = Literal["unplugged", "stalled", "frozen", "odd", "surprise"]
KINDS: tuple[Kind, ...] = ("unplugged", "stalled", "frozen", "odd", "surprise")
LONGEST_S = 30.0  # a fault
SCENE_S = 45.0
BLOCK = SAMPLE_RATE // 10


@dataclass(frozen=True)
class Fault:
    """From when to when something is wrong."""

    kind: Kind
    begins: float
    ends: float


class Troubles:
    """The faults of one device, at random, one after the other."""

    def __init__(self, rng: random.Random, every_s: float, now: float) -> None:
        self.met: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._rng = rng
        self._every_s = every_s
        self._next = self._draw(now)
        self._counted = False

    def now(self, now: float) -> Kind | None:
        """What is wrong now."""
        if now >= self._next.ends:
            self._next = self._draw(now)
            self._counted = False
        if now < self._next.begins:
            return None
        if not self._counted:
            self._counted = True
            self.met[self._next.kind] += 1
        return self._next.kind

    def _draw(self, now: float) -> Fault:
        begins = now + self._rng.expovariate(1.0 / self._every_s)
        return Fault(self._rng.choice(KINDS), begins, begins + self._rng.uniform(0.2, LONGEST_S))


class Faulty(Generic[T]):
    """What both have in common: opened, read when due, closed."""

    live = True

    def __init__(self, name: str, clock: HurriedClock, troubles: Troubles, interval: float) -> None:
        self.name = name
        self.made = 0
        self._clock = clock
        self._troubles = troubles
        self._interval = interval
        self._due = clock.monotonic()
        self._open = False

    def open(self) -> None:
        if self._troubles.now(self._clock.monotonic()) == "unplugged":
            raise CaptureError(f"{self.name} was unplugged")
        self._open = True
        self._due = self._clock.monotonic()

    def read(self) -> T:
        if not self._open:
            raise CaptureError(f"{self.name} is closed")
        self._due = max(self._due + self._interval, self._clock.monotonic() - 2 * self._interval)
        self._clock.sleep_until(self._due)
        trouble = self._troubles.now(self._clock.monotonic())
        if trouble == "unplugged":
            raise CaptureError(f"{self.name} was unplugged")
        if trouble == "stalled":
            self._clock.sleep_until(self._clock.monotonic() + 1.0)
            raise NothingYet(f"{self.name}: nothing yet")
        if trouble == "surprise":
            raise ZeroDivisionError("the driver divides by zero")
        self.made += 1
        return self.make(self._due, trouble)

    def close(self) -> None:
        self._open = False

    def make(self, time: float, trouble: Kind | None) -> T:
        raise NotImplementedError


class Film(Faulty[Frame]):
    """Pictures from memory, to and fro: for a while somebody who sways, for a while an empty room."""

    def __init__(
        self, clock: HurriedClock, troubles: Troubles, fps: float, somebody: list[Frame], nobody: list[Frame]
    ) -> None:
        super().__init__("film", clock, troubles, 1.0 / fps)
        self._scenes = (somebody, nobody)
        self._odd = np.random.default_rng(0).integers(0, 255, (7, 13, 3), dtype=np.uint8)

    def make(self, time: float, trouble: Kind | None) -> Frame:
        scene = self._scenes[int(time // SCENE_S) % 2]
        turn = 0 if trouble == "frozen" else self.made % (2 * len(scene))
        shown = scene[min(turn, 2 * len(scene) - 1 - turn)]
        image, luma = (self._odd, self._odd[:, :, 0]) if trouble == "odd" else (shown.image, shown.luma)
        return Frame(time, self.made, image, luma)


class Voice(Faulty[Sound]):
    """Sound from memory over and over: speech, pauses, a quiet room."""

    def __init__(self, clock: HurriedClock, troubles: Troubles, tape: Samples) -> None:
        super().__init__("voice", clock, troubles, 0.1)
        self._tape = tape

    def make(self, time: float, trouble: Kind | None) -> Sound:
        begin = self.made * BLOCK % (len(self._tape) - BLOCK)
        samples = self._tape[begin : begin + BLOCK]
        if trouble == "frozen":
            samples = np.zeros(BLOCK, np.float32)
        elif trouble == "odd":
            samples = samples[: self.made * 7 % 37]
        return Sound(time - 0.1, samples)
