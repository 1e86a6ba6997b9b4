"""Camera and microphone while somebody tries them: open for a minute at most, in memory only, never while privacy is
on."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from edge.capture.base import Source
from edge.capture.faults import CameraFaults, Faults, MicrophoneFaults
from edge.capture.loop import CaptureLoop
from edge.config.schema import Config
from edge.dashboard.preview import Aim
from edge.demo.sources import factories
from edge.device.clock import Clock
from edge.face.finder import SingleShot
from edge.face.search import Searcher, at_most
from edge.readings import Frame, Sound
from edge.speech.voice_detector import STEP, VoiceDetector, level_db
from edge.wizard.judging import Aimed, Block, aimed, heard

LONGEST_S = 60.0
LOOK_EVERY_S = 0.2
_FRESH_S = 2.0
_REMEMBERED = 40  # blocks of sound: four seconds
_FULL = 0.999

T = TypeVar("T", Frame, Sound)


class Trial(Generic[T]):
    """One device on trial. The page starts, stops and tends it; what comes is taken in the device's thread."""

    def __init__(self, private: Callable[[], str], clock: Clock) -> None:
        """`private` says why privacy is on; empty when it is off."""
        self._private = private
        self._clock = clock
        self._loop: CaptureLoop[T] | None = None
        self._until = 0.0
        self._status = ("offline", "")

    @property
    def running(self) -> bool:
        return self._loop is not None

    def start(self, config: Config) -> str:
        """Open the device that `config` names, for a minute. Returns why not; empty when it begins."""
        self.stop()
        why = self._private()
        if why:
            return why
        self._status = ("opening", "")
        self._until = self._clock.monotonic() + LONGEST_S
        self._loop = self._made(config)
        self._loop.start()
        return ""

    def stop(self) -> bool:
        """Close it and forget what came; False if its driver did not respond in time."""
        loop, self._loop = self._loop, None
        self._until = 0.0
        closed = loop is None or loop.stop()
        self._status = ("offline", "")
        self.forget()
        return closed

    def tend(self) -> None:
        """Close it once its minute is over, or privacy is on. Call it about twice a second."""
        if self.running and (self._clock.monotonic() >= self._until or self._private()):
            self.stop()

    def forget(self) -> None:
        """Nothing of what came is left."""
        raise NotImplementedError

    def take(self, item: T) -> None:
        """In the device's thread."""
        raise NotImplementedError

    def _made(self, config: Config) -> CaptureLoop[T]:
        raise NotImplementedError

    def _capture(self, source: Callable[[], Source[T]], faults: Faults[T], name: str) -> CaptureLoop[T]:
        chance = random.Random()  # noqa: S311 - jitter, no secret
        return CaptureLoop(
            source, self._taken, self._report, clock=self._clock, random=chance, faults=faults, name=name
        )

    def _taken(self, item: T) -> None:
        if not self._private() and self._clock.monotonic() < self._until:
            self.take(item)

    def _report(self, state: str, reason: str) -> None:
        self._status = (state, reason)

    def _told(self) -> dict[str, Any]:
        state, reason = self._status
        left = max(0.0, self._until - self._clock.monotonic()) if self.running else 0.0
        return {"running": self.running, "state": state, "reason": reason, "left": left, "privacy": self._private()}


class CameraTrial(Trial[Frame]):
    """What the camera sees, and whether faces in it can be read. `shows` says whether the picture may be seen too."""

    def __init__(self, private: Callable[[], str], clock: Clock, *, shows: bool) -> None:
        super().__init__(private, clock)
        self.aim = Aim(clock, allowed=shows)
        self._searcher: Searcher | None = None
        self._seen: tuple[float, Aimed] | None = None
        self._min_size = 0.0

    def told(self) -> dict[str, Any]:
        """For the page: how it goes, and the last look."""
        fresh = self._seen is not None and self._clock.monotonic() - self._seen[0] < _FRESH_S and not self._private()
        look = asdict(self._seen[1]) if self._seen is not None and fresh and self.running else None
        return {**self._told(), "look": look, "shows": self.aim.allowed}

    def start(self, config: Config) -> str:
        why = super().start(config)
        if not why:
            self.aim.privacy(on=False)
            self.aim.start()
        return why

    def take(self, item: Frame) -> None:
        self.aim.look(item)
        luma = at_most(item.luma)
        scale = item.image.shape[0] / luma.shape[0]
        if self._searcher is None:
            self._searcher = Searcher(partial(SingleShot, quick=True))
        self._searcher.prepare(0.5, 0.0)
        faces = self._searcher.whole(luma, thorough=True)
        self._seen = (self._clock.monotonic(), aimed(luma, faces, scale, self._min_size))

    def forget(self) -> None:
        self.aim.privacy(on=True)
        self._seen = None

    def _made(self, config: Config) -> CaptureLoop[Frame]:
        self._searcher, self._min_size = None, config.face.min_size  # the finder belongs to the thread that makes it
        loop = self._capture(factories(config, self._clock)[0], CameraFaults(config.camera.stall_s), "camera-trial")
        loop.thin(LOOK_EVERY_S)
        return loop


class MicrophoneTrial(Trial[Sound]):
    """How loud it is, and whether a voice is heard."""

    def __init__(self, private: Callable[[], str], clock: Clock) -> None:
        super().__init__(private, clock)
        self._blocks: deque[Block] = deque(maxlen=_REMEMBERED)
        self._detector: VoiceDetector | None = None
        self._rest = np.zeros(0, np.float32)

    def told(self) -> dict[str, Any]:
        """For the page: how it goes, and the level now."""
        blocks = list(self._blocks) if self.running and not self._private() else []
        level = blocks[-1].level_db if blocks else None
        return {**self._told(), "level_db": level, "verdict": heard(blocks) if blocks else None}

    def take(self, item: Sound) -> None:
        if self._detector is None:
            self._detector = VoiceDetector(3.0, None)
        samples = np.concatenate([self._rest, item.samples])
        steps = [samples[at : at + STEP] for at in range(0, len(samples) - STEP + 1, STEP)]
        self._rest = samples[len(steps) * STEP :]
        if steps:
            voice = max(self._detector.detect(step).voice for step in steps)
            clipped = float(np.mean(np.abs(item.samples) >= _FULL)) if len(item.samples) else 0.0
            self._blocks.append(Block(level_db(np.concatenate(steps)), clipped, voice))

    def forget(self) -> None:
        self._blocks.clear()
        self._rest = np.zeros(0, np.float32)

    def _made(self, config: Config) -> CaptureLoop[Sound]:
        self._detector = None
        faults = MicrophoneFaults(config.microphone.silence_s)
        return self._capture(partial(_sound_of, config, self._clock), faults, "microphone-trial")


def _sound_of(config: Config, clock: Clock) -> Source[Sound]:
    return factories(config, clock)[1]()
