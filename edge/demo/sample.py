"""The sample scene as sources: a minute of pictures and speech, the same every time.

Nobody is seen or heard: the person is drawn and the voice is a synthesiser's.
"""

from __future__ import annotations

import numpy as np

from edge.capture.base import BLOCK
from edge.capture.picture import luma_of, oriented
from edge.config.schema import CameraConfig
from edge.demo import scene, voice
from edge.errors import CaptureError, SourceEnded
from edge.readings import SAMPLE_RATE, Frame, Image, Samples, Sound


class SampleScene:
    """A FrameSource of one minute, in the size and at the rate of the settings."""

    live = False
    name = "SAMPLE scene, no camera"
    note = "SAMPLE scene: a drawn face, not a camera"  # shown wherever its readings are

    def __init__(self, settings: CameraConfig) -> None:
        self._settings = settings
        self._wall: Image | None = None
        self._number = 0

    def open(self) -> None:
        self._wall = scene.background(self._settings.width, self._settings.height)
        self._number = 0

    def read(self) -> Frame:
        wall = self._wall
        if wall is None:
            raise CaptureError("the sample scene is closed")
        time = self._number / self._settings.fps
        if time >= scene.SECONDS - 0.001:
            raise SourceEnded("the sample scene is over")
        self._number += 1
        image = oriented(scene.picture(wall, time), self._settings.rotation, self._settings.flip)
        return Frame(time, self._number, image, luma_of(image))

    def close(self) -> None:
        self._wall = None


class SampleVoice:
    """A SoundSource of one minute."""

    live = False
    name = "SAMPLE speech, no microphone"
    note = "SAMPLE speech: a synthesiser, not a microphone"

    def __init__(self, *, synthetic: bool = False) -> None:
        self._synthetic = synthetic
        self._sound: Samples | None = None
        self._position = 0

    def open(self) -> None:
        self._sound = voice.spoken(synthetic=self._synthetic)
        self._position = 0

    def read(self) -> Sound:
        sound = self._sound
        if sound is None:
            raise CaptureError("the sample speech is closed")
        begin = self._position
        if begin >= len(sound):
            raise SourceEnded("the sample speech is over")
        self._position = begin + BLOCK
        return Sound(begin / SAMPLE_RATE, np.array(sound[begin : begin + BLOCK]))

    def close(self) -> None:
        self._sound = None
