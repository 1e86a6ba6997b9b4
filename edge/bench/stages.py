"""How long each stage takes, alone, on real input."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec

from edge.bench.media import Media
from edge.capture.recordings import Video
from edge.capture.soundfiles import read_sound
from edge.config.schema import CameraConfig, Config
from edge.device.resources import models
from edge.emotion.fusion import learned_weights
from edge.emotion.scene import Outgoing, Scene
from edge.emotion.speaker import DECIDE_S, Loudness, Mouth, speaker
from edge.errors import MediaError, SourceEnded
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face
from edge.face.finder import Finder, SingleShot
from edge.face.movement import Movement
from edge.face.path import FacePath
from edge.readings import LEVEL_S, SAMPLE_RATE, Box, FacesReading, Frame, Sound
from edge.service.health import percentile
from edge.speech.classifier import Classifier
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings

REPEATS = 200
FPS = 15.0
Item = TypeVar("Item")


class Stage(msgspec.Struct, frozen=True):
    """Milliseconds of one stage, and which share of one core it takes in a service at 15 fps with a voice."""

    median_ms: float
    p95_ms: float
    core_percent: float | None = None


def stages(media: Media) -> dict[str, Stage]:
    """All of them, by name."""
    config = Config()
    frames = _frames(media)
    sound = read_sound(media.audio)
    found: dict[str, Stage] = {}

    find = SingleShot(quick=True)
    found["find (whole picture)"] = _timed(lambda frame: find.find(frame.luma), frames)
    box = _first_face(frames, find, media)
    classifier = FaceClassifier()
    found["crop"] = _timed(lambda frame: crop_face(frame.image, box, classifier.side, classifier.margin), frames)
    crops = [crop_face(frame.image, box, classifier.side, classifier.margin) for frame in frames]
    found["classify face (crop to probabilities)"] = _timed(classifier.classify, crops)
    path = FacePath(config.face, classifier)
    found["face path (per frame, 15 fps)"] = _timed(path.process, frames, 15.0)

    voice = SpeechPath(SpeechSettings())
    tenth = SAMPLE_RATE // 10
    starts = range(0, len(sound) - tenth, tenth)
    blocks = [Sound(start / SAMPLE_RATE, sound[start : start + tenth]) for start in starts]
    found["speech path (per 100 ms)"] = _timed(voice.process, blocks, 10.0)
    listener = Classifier(models() / "speech")
    listener.reset()
    seconds = [sound[start : start + SAMPLE_RATE] for start in range(0, len(sound) - SAMPLE_RATE, SAMPLE_RATE // 2)]
    found["classify speech (one voiced second)"] = _timed(listener.push, seconds)

    scene = Scene(config, learned_weights(), 0.0)

    def decide(step: tuple[int, FacesReading]) -> list[Outgoing]:
        scene.feed(step[1])
        return scene.tick(step[0] / FPS, step[0] / FPS)

    steps = [(i, path.process(replace(frame, time=i / FPS))) for i, frame in enumerate(frames)]
    found["fuse and decide (per frame)"] = _timed(decide, steps, FPS)
    found["who speaks (per frame, two faces, a voice)"] = _timed(_who_speaks(box), list(enumerate(frames)), FPS)
    state = scene.current_state(0.0, len(frames) / FPS)
    found["encode a message"] = _timed(msgspec.json.encode, [state] * REPEATS, 2.0)
    return found


def _who_speaks(box: Box) -> Callable[[tuple[int, Frame]], object]:
    """Both mouths measured in every frame, and asked four times a second which of them goes with the voice."""
    movements, mouths, loudness = (Movement(), Movement()), {1: Mouth(), 2: Mouth()}, Loudness()

    def work(step: tuple[int, Frame]) -> int | None:
        now = step[0] / FPS
        for movement, mouth in zip(movements, mouths.values(), strict=True):
            movement.look(step[1].luma, box, now)
            mouth.observe(now, max(movement.mouth, 0.1), voice=True, opening=step[0] % 3 / 5)
        if step[0] % round(FPS / 2) == 0:
            loudness.hear(now, [20.0 + 10.0 * (i % 5) for i in range(round(0.5 / LEVEL_S))])
        return speaker(mouths, None, now, loudness) if step[0] % round(FPS * DECIDE_S) == 0 else None

    return work


def _first_face(frames: list[Frame], find: Finder, media: Media) -> Box:
    for frame in frames:
        faces = find.find(frame.luma)
        if faces:
            scale = frame.image.shape[1] / frame.luma.shape[1]
            box = faces[0].box
            return Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
    raise MediaError(f"{media.video}: no face is found in it; give another --video")


def _frames(media: Media) -> list[Frame]:
    source = Video(media.video, CameraConfig(source=str(media.video)))
    source.open()
    frames: list[Frame] = []
    try:
        while len(frames) < REPEATS:
            frames.append(source.read())
    except SourceEnded:
        pass
    finally:
        source.close()
    return frames


def _timed(work: Callable[[Item], object], items: Sequence[Item], per_second: float | None = None) -> Stage:
    """Time `work` on each item, after a warm-up on the first ones."""
    for item in items[:5]:
        work(item)
    spent = []
    for item in items:
        began = time.perf_counter()
        work(item)
        spent.append(time.perf_counter() - began)
    ordered = sorted(spent)
    mean = sum(spent) / len(spent)
    return Stage(
        median_ms=round(1000 * percentile(ordered, 0.5), 3),
        p95_ms=round(1000 * percentile(ordered, 0.95), 3),
        core_percent=None if per_second is None else round(100 * mean * per_second, 2),
    )
