"""Drives the pipeline with recordings: their own time, no threads, every frame and sample in order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from edge.capture.base import FrameSource, SoundSource
from edge.config.schema import Config
from edge.demo.sources import camera, microphone
from edge.device.clock import SystemClock
from edge.emotion.fusion import FusionWeights, learned_weights
from edge.emotion.scene import Outgoing, Scene
from edge.errors import SourceEnded
from edge.face.classify import FaceClassifier
from edge.face.finder import SingleShot
from edge.face.path import FacePath
from edge.readings import FacesReading, Frame, Sound, SpeechReading, TextReading
from edge.service.senses import speech_settings
from edge.speech.path import SpeechPath
from edge.text.classifier import TextClassifier
from edge.text.script import Line

TICK_S = 0.1  # as the service decides when nothing comes in


class Perceived(NamedTuple):
    """What one frame, block of sound or line of words gave, and the second of the recording at which it was at hand."""

    time: float
    readings: tuple[FacesReading | SpeechReading | TextReading, ...]


def play(
    config: Config,
    video: str | None,
    audio: str | None,
    models: Mapping[str, Path] | None = None,
    *,
    script: Sequence[Line] = (),
) -> Iterator[tuple[float, Outgoing]]:
    """Messages with the second of the recording at which they would be published. `models`: folders, by name.

    `script`: what was said meanwhile, as a voice assistant would pass it on; with it, `text.enabled` does not matter.
    """
    clock = SystemClock()  # recordings carry their own time, nobody asks this one
    frames = camera(replace(config.camera, source=video), clock) if video else None
    sound = microphone(replace(config.microphone, source=audio), clock) if audio else None
    learned = learned_weights((models or {}).get("fusion"))
    return decided(config, perceived(config, frames, sound, models, script), learned)


def perceived(
    config: Config,
    frames: FrameSource | None,
    sound: SoundSource | None,
    models: Mapping[str, Path] | None = None,
    script: Sequence[Line] = (),
    *,
    classifier: FaceClassifier | None = None,
) -> Iterator[Perceived]:
    """What face and speech path say of the recordings, and the words of the script, as it would be at hand."""
    models = models or {}
    faces = voice = None
    if frames is not None:
        find = partial(SingleShot, folder=models.get("finder"), quick=True)
        faces = FacePath(config.face, classifier or FaceClassifier(models.get("face")), find=find)
    if sound is not None:
        voice = SpeechPath(speech_settings(config.speech), models.get("speech"))
    said = TextClassifier(models.get("text")) if script else None
    now = 0.0
    for now, item in _in_order(frames, sound, script):
        if isinstance(item, Frame) and faces is not None:
            yield Perceived(now, (faces.process(item),))
        elif isinstance(item, Sound) and voice is not None:
            yield Perceived(now, tuple(voice.process(item)))
        elif isinstance(item, Line) and said is not None:
            judged = said.classify(item.words)
            claims = judged if judged is not None and judged.claims else None
            yield Perceived(now, (TextReading(now, claims.probabilities, claims.quality),) if claims else ())
    if voice is not None:
        yield Perceived(now, tuple(voice.finish()))


def decided(config: Config, items: Iterable[Perceived], learned: FusionWeights) -> Iterator[tuple[float, Outgoing]]:
    """What the decision loop would publish."""
    scene = Scene(config, learned, 0.0)
    now = 0.0
    for time, readings in items:
        while now + TICK_S < time:
            now += TICK_S
            yield from ((now, message) for message in scene.tick(now, now))
        now = max(now, time)
        for reading in readings:
            scene.feed(reading)
        yield from ((now, message) for message in scene.tick(now, now))


def _in_order(
    frames: FrameSource | None, sound: SoundSource | None, script: Sequence[Line]
) -> Iterator[tuple[float, Frame | Sound | Line]]:
    """All by the moment at which each would be at hand; within an instant frames, then sound, then words."""
    streams: list[Iterable[tuple[float, Frame | Sound | Line]]] = []
    if frames is not None:
        streams.append(_read(frames))
    if sound is not None:
        streams.append(_read(sound))
    streams.append([(line.time, line) for line in script])
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
