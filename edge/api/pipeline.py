"""Frames and sound in as they come, the service's messages out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.api.answers import Message
from edge.api.sound import as_mono
from edge.capture.picture import colour, luma_of
from edge.capture.resample import Resampler
from edge.config.load import load
from edge.emotion.fusion import learned_weights
from edge.emotion.scene import Scene
from edge.face.path import FacePath
from edge.readings import SAMPLE_RATE, FacesReading, Frame, Sound, SpeechReading
from edge.service.senses import speech_settings
from edge.speech.path import SpeechPath

__all__ = ["Message", "Pipeline"]


class Pipeline:
    """The service without devices, threads and broker: follows faces and voices, fuses, decides.

    Time is the caller's: seconds that never run backwards, such as time.monotonic() at the moment of capture, or the
    second of a recording. Frames and sound may come in any rhythm, in the order of their time. One for each thread.
    """

    def __init__(self, config: Path | str | None = None) -> None:
        """`config` is a config file of the service, for other thresholds than the defaults."""
        self._config = load(Path(config) if config else None).config
        self._faces: FacePath | None = None  # models are loaded when the first frame, or the first sound, comes
        self._voice: SpeechPath | None = None
        self._resampler: tuple[int, Resampler] | None = None
        self._scene: Scene | None = None
        self._frames = 0

    def frame(self, image: NDArray[np.uint8], time: float) -> list[Message]:
        """A frame, with 8-bit pixels, grey or blue-green-red, and the messages that are due."""
        if self._faces is None:
            self._faces = FacePath(self._config.face)
        self._frames += 1
        picture = colour(image)
        return self._decide([self._faces.process(Frame(time, self._frames, picture, luma_of(picture)))], time)

    def sound(self, samples: NDArray[np.generic], time: float, rate: int = SAMPLE_RATE) -> list[Message]:
        """A block of sound whose first sample is of `time`, and the messages that are due at its end.

        `samples` are floats within -1..1 or integers, one row or samples x channels, at `rate` samples a second.
        """
        if self._voice is None:
            self._voice = SpeechPath(speech_settings(self._config.speech))
        if self._resampler is None or self._resampler[0] != rate:
            self._resampler = (rate, Resampler(rate))
        mono = as_mono(samples)
        heard = self._voice.process(Sound(time, self._resampler[1].push(mono)))
        return self._decide(heard, time + len(mono) / rate)

    def tick(self, time: float) -> list[Message]:
        """The messages that are due when nothing came in: states end, too. Some ten times a second is often enough."""
        return self._decide((), time)

    def reset(self) -> None:
        """Forget everything about everybody."""
        for path in (self._faces, self._voice):
            if path is not None:
                path.reset()
        self._scene = self._resampler = None

    def _decide(self, readings: Iterable[FacesReading | SpeechReading], time: float) -> list[Message]:
        if self._scene is None:
            self._scene = Scene(self._config, learned_weights(None), time)
        for reading in readings:
            self._scene.feed(reading)
        return [Message(told.topic, told.payload, time=told.captured) for told in self._scene.tick(time, time)]
