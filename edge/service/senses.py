"""The two ways in: camera to face readings, microphone to speech readings, each with its capture and its worker.

A sense owns its path; orders from the decision loop (new thresholds, forget everybody) are carried out by its worker.
"""

from __future__ import annotations

import logging
import queue
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Generic, Literal, Protocol, TypeVar

from edge.capture.base import FrameSource, SoundSource, Source
from edge.capture.faults import CameraFaults, Faults, MicrophoneFaults
from edge.capture.loop import CaptureLoop
from edge.config import schema
from edge.device.clock import Clock
from edge.face.path import FacePath
from edge.readings import FacesReading, Frame, Sound, SourceStatus, SpeechReading
from edge.service.queues import FrameSlot, SoundQueue
from edge.service.supervision import Worker
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings

log = logging.getLogger(__name__)

T = TypeVar("T", Frame, Sound)
Emit = Callable[[FacesReading | SpeechReading | SourceStatus], object]
TAKE_S = 0.5  # how long a worker waits for something to do before it shows that it lives


class Handover(Protocol[T]):
    """Where the capture thread leaves items for the worker."""

    def put(self, item: T, /) -> None: ...
    def take(self, timeout: float) -> T | None: ...
    def clear(self) -> None: ...


class Sense(ABC, Generic[T]):
    """Capture, hand-over and worker of one device."""

    def __init__(
        self,
        *,
        name: Literal["camera", "microphone"],
        worker: str,
        source: Callable[[], Source[T]],
        handover: Handover[T],
        faults: Faults[T],
        emit: Emit,
        clock: Clock,
    ) -> None:
        self.name = name
        self.last_item: float | None = None  # when the source last gave anything
        self.capture: CaptureLoop[T] = CaptureLoop(
            source,
            self._deliver,
            self._report,
            clock=clock,
            random=random.Random(),  # noqa: S311 - jitter, no secret
            faults=faults,
            name=f"{name}-capture",
        )
        self.worker = Worker(worker, self._step, clock)
        self._handover: Handover[T] = handover
        self._emit = emit
        self._clock = clock
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._released = False
        self._releases = 0

    @abstractmethod
    def understand(self, item: T) -> Iterable[FacesReading | SpeechReading]:
        """What the path says of `item`."""

    @abstractmethod
    def forget(self) -> None:
        """Nothing about anybody is left in the path."""

    @abstractmethod
    def adopt(self, config: schema.Config) -> None:
        """The path takes over new thresholds."""

    def release(self, reason: str) -> bool:
        """Close the device and forget everything about everybody. Whether it was closed in time."""
        self._released = True
        self._releases += 1
        closed = self.capture.pause(reason)
        self._handover.clear()
        self._orders.put(self.forget)
        return closed

    def stop(self, seconds: float) -> None:
        """End the threads and close the device, or try to for so long."""
        self.worker.stop()
        if not self.capture.stop(seconds):
            log.warning("the %s was not closed in time: the driver does not respond", self.name)
        self.worker.join(seconds)

    def resume(self) -> None:
        """Open the device again."""
        self._released = False
        self.capture.resume()

    def apply(self, config: schema.Config) -> None:
        """Thresholds that changed while we run."""
        self._orders.put(lambda: self.adopt(config))

    def _report(self, state: Literal["online", "offline", "disabled"], reason: str) -> None:
        self._emit(SourceStatus(self.name, state, reason))

    def _deliver(self, item: T) -> None:
        self.last_item = self._clock.monotonic()
        self._handover.put(item)

    def _step(self) -> None:
        self._carry_out_orders()
        releases = self._releases
        item = self._handover.take(TAKE_S)
        if item is None or self._released:
            return
        for reading in self.understand(item):
            if not self._released and releases == self._releases:
                self._emit(reading)

    def _carry_out_orders(self) -> None:
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()


class CameraSense(Sense[Frame]):
    """Camera → newest frame → faces."""

    def __init__(
        self, config: schema.Config, source: Callable[[], FrameSource], path: FacePath, emit: Emit, clock: Clock
    ) -> None:
        self.slot = FrameSlot()
        self.onlooker: Callable[[Frame], None] | None = None  # sees each frame on its way; must return at once
        self._path = path
        super().__init__(
            name="camera",
            worker="face",
            source=source,
            handover=self.slot,
            faults=CameraFaults(config.camera.stall_s),
            emit=emit,
            clock=clock,
        )

    def understand(self, item: Frame) -> Iterable[FacesReading]:
        if self.onlooker is not None:
            self.onlooker(item)
        return [self._path.process(item)]

    def forget(self) -> None:
        self._path.reset()

    def adopt(self, config: schema.Config) -> None:
        self._path.apply(config.face)

    def thin(self, rate: float | None) -> None:
        """Take no more than so many frames a second; None: all."""
        self.capture.thin(0.0 if rate is None else 1.0 / rate)


class MicrophoneSense(Sense[Sound]):
    """Microphone → bounded queue → voice."""

    def __init__(
        self, config: schema.Config, source: Callable[[], SoundSource], path: SpeechPath, emit: Emit, clock: Clock
    ) -> None:
        self.queue = SoundQueue()
        self._path = path
        super().__init__(
            name="microphone",
            worker="speech",
            source=source,
            handover=self.queue,
            faults=MicrophoneFaults(config.microphone.silence_s),
            emit=emit,
            clock=clock,
        )

    def understand(self, item: Sound) -> Iterable[SpeechReading]:
        return self._path.process(item)

    def forget(self) -> None:
        self._path.reset()

    def adopt(self, config: schema.Config) -> None:
        self._path.apply(speech_settings(config.speech))


def speech_settings(section: schema.SpeechConfig) -> SpeechSettings:
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
