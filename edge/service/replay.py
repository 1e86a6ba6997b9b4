"""Drives the pipeline with recordings: their own time, no threads, every frame and sample in order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from edge.capture.base import FrameSource, SoundSource
from edge.config.schema import Config
from edge.demo.sources import camera, microphone
from edge.device.clock import SystemClock
from edge.emotion.fusion import learned_weights
from edge.emotion.scene import Outgoing, Scene
from edge.errors import SourceEnded
from edge.face.classify import FaceClassifier
from edge.face.path import FacePath
from edge.readings import Frame, Sound
from edge.service.senses import speech_settings
from edge.speech.path import SpeechPath

TICK_S = 0.1  # as the service decides when nothing comes in


def play(
    config: Config, video: str | None, audio: str | None, models: Mapping[str, Path] | None = None
) -> Iterator[tuple[float, Outgoing]]:
    """Messages with the second of the recording at which they would be published. `models`: folders, by name."""
    models = models or {}
    scene = Scene(config, learned_weights(models.get("fusion")), 0.0)
    faces = FacePath(config.face, FaceClassifier(models.get("face"), config.face.prior)) if video else None
    voice = SpeechPath(speech_settings(config.speech), models.get("speech")) if audio else None
    now = 0.0
    for end, item in _in_order(config, video, audio):
        while now + TICK_S < end:
            now += TICK_S
            yield from ((now, message) for message in scene.tick(now, now))
        now = max(now, end)
        if isinstance(item, Frame) and faces is not None:
            scene.feed(faces.process(item))
        elif isinstance(item, Sound) and voice is not None:
            for reading in voice.process(item):
                scene.feed(reading)
        yield from ((now, message) for message in scene.tick(now, now))
    if voice is not None:
        for reading in voice.finish():
            scene.feed(reading)
        yield from ((now, message) for message in scene.tick(now, now))


def _in_order(config: Config, video: str | None, audio: str | None) -> Iterator[tuple[float, Frame | Sound]]:
    """Frames and sound by the moment at which each would be at hand; frames first within an instant."""
    clock = SystemClock()  # recordings carry their own time, nobody asks this one
    streams: list[Iterator[tuple[float, Frame | Sound]]] = []
    if video:
        streams.append(_read(camera(replace(config.camera, source=video), clock)))
    if audio:
        streams.append(_read(microphone(replace(config.microphone, source=audio), clock)))
    return heapq.merge(*streams, key=lambda timed: timed[0])


def _read(source: FrameSource | SoundSource) -> Iterator[tuple[float, Frame | Sound]]:
    source.open()
    try:
        while True:
            item = source.read()
            yield (item.end if isinstance(item, Sound) else item.time), item
    except SourceEnded:
        return
    finally:
        source.close()
