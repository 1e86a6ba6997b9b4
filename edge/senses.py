"""The two ways in: camera to face readings, microphone to speech readings, each with its capture and its worker.

A sense owns its path; orders from the decision loop (new settings, forget everything) are carried out by its worker.
"""

from __future__ import annotations

import queue
import random
from collections.abc import Callable
from typing import Any, Literal, Protocol

from edge.capture.base import FrameSource, SoundSource
from edge.capture.faults import CameraFaults, MicrophoneFaults
from edge.capture.loop import CaptureLoop
from edge.clock import Clock
from edge.config import schema
from edge.face.path import FacePath
from edge.handover import FrameSlot, SoundQueue
from edge.readings import FacesReading, Frame, Sound, SourceStatus, SpeechReading
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings
from edge.workers import Worker

Emit = Callable[[FacesReading | SpeechReading | SourceStatus], None]
TAKE_S = 0.5  # how long a worker waits for something to do before it shows that it lives


class Sense(Protocol):
    """What the service asks of both."""

    name: Literal["camera", "microphone"]
    capture: CaptureLoop[Any]
    worker: Worker
    last_item: float | None  # when the source last gave anything

    def release(self, reason: str) -> bool:
        """Close the device and forget everything about everybody. Whether it was closed in time."""
        ...

    def resume(self) -> None:
        """Open the device again."""
        ...

    def apply(self, config: schema.Config) -> None:
        """Thresholds that changed while we run."""
        ...


class _Orders:
    """Work for a path, carried out by the one thread that owns it."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def give(self, order: Callable[[], None]) -> None:
        self._waiting.put(order)

    def carry_out(self) -> None:
        while True:
            try:
                order = self._waiting.get_nowait()
            except queue.Empty:
                return
            order()


class Sight:
    """Camera → newest frame → faces."""

    name: Literal["camera", "microphone"] = "camera"

    def __init__(
        self, config: schema.Config, source: Callable[[], FrameSource], path: FacePath, emit: Emit, clock: Clock
    ) -> None:
        self.slot = FrameSlot()
        self.path = path
        self.last_item: float | None = None
        self.capture: CaptureLoop[Any] = CaptureLoop(
            source,
            self._deliver,
            lambda state, reason: emit(SourceStatus("camera", state, reason)),
            clock=clock,
            random=random.Random(),  # noqa: S311 - jitter, no secret
            faults=CameraFaults(config.camera.stall_s),
        )
        self.worker = Worker("face", self._step, clock)
        self._emit = emit
        self._clock = clock
        self._orders = _Orders()
        self._released = False

    def release(self, reason: str) -> bool:
        self._released = True
        closed = self.capture.pause(reason)
        self.slot.clear()
        self._orders.give(self.path.reset)
        return closed

    def resume(self) -> None:
        self._released = False
        self.capture.resume()

    def apply(self, config: schema.Config) -> None:
        self._orders.give(lambda: self.path.apply(config.face))

    def thin(self, stride: int) -> None:
        """Do full work on one frame in `stride` only."""
        self.path.stride = stride

    def _deliver(self, frame: Frame) -> None:
        self.last_item = self._clock.monotonic()
        self.slot.put(frame)

    def _step(self) -> None:
        self._orders.carry_out()
        frame = self.slot.take(TAKE_S)
        if frame is None or self._released:
            return
        reading = self.path.process(frame)
        if not self._released:
            self._emit(reading)


class Hearing:
    """Microphone → bounded queue → voice."""

    name: Literal["camera", "microphone"] = "microphone"

    def __init__(
        self, config: schema.Config, source: Callable[[], SoundSource], path: SpeechPath, emit: Emit, clock: Clock
    ) -> None:
        self.queue = SoundQueue()
        self.path = path
        self.last_item: float | None = None
        self.capture: CaptureLoop[Any] = CaptureLoop(
            source,
            self._deliver,
            lambda state, reason: emit(SourceStatus("microphone", state, reason)),
            clock=clock,
            random=random.Random(),  # noqa: S311 - jitter, no secret
            faults=MicrophoneFaults(config.microphone.silence_s),
        )
        self.worker = Worker("speech", self._step, clock)
        self._emit = emit
        self._clock = clock
        self._orders = _Orders()
        self._released = False

    def release(self, reason: str) -> bool:
        self._released = True
        closed = self.capture.pause(reason)
        self.queue.clear()
        self._orders.give(self.path.reset)
        return closed

    def resume(self) -> None:
        self._released = False
        self.capture.resume()

    def apply(self, config: schema.Config) -> None:
        self._orders.give(lambda: self.path.apply(speech_settings(config.speech)))

    def _deliver(self, sound: Sound) -> None:
        self.last_item = self._clock.monotonic()
        self.queue.put(sound)

    def _step(self) -> None:
        self._orders.carry_out()
        sound = self.queue.take(TAKE_S)
        if sound is None or self._released:
            return
        for reading in self.path.process(sound):
            if not self._released:
                self._emit(reading)


def speech_settings(section: schema.Speech) -> SpeechSettings:
    """The part of the config that the speech path reads."""
    return SpeechSettings(
        voice_threshold=section.voice_threshold,
        min_voice_s=section.min_voice_s,
        max_segment_s=section.max_segment_s,
        hop_s=section.hop_s,
        min_snr_db=section.min_snr_db,
        noise_floor_db=section.noise_floor_db,
        prior=section.prior,
    )
