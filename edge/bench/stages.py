"""How long each stage takes, alone, on real input."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from edge.bench.media import Media
from edge.capture.recordings import Video
from edge.capture.soundfiles import read_sound
from edge.config.schema import Camera, Config
from edge.errors import MediaError, SourceEnded
from edge.face.classify import FaceClassifier
from edge.face.crop import crop_face
from edge.face.finder import finder
from edge.face.path import FacePath
from edge.fusion import learned_weights
from edge.health import percentile
from edge.readings import SAMPLE_RATE, Box, Frame, Sound
from edge.resources import models
from edge.scene import Scene
from edge.speech.classifier import Classifier
from edge.speech.path import SpeechPath
from edge.speech.settings import SpeechSettings

REPEATS = 200


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

    find = finder()
    found["find (whole picture)"] = _timed([lambda f=frame: find.find(f.luma) for frame in frames])
    faces = next((faces for frame in frames if (faces := find.find(frame.luma))), None)
    if not faces:
        raise MediaError(f"{media.video}: no face is found in it; give another --video")
    scale = frames[0].image.shape[1] / frames[0].luma.shape[1]
    box = faces[0].box
    box = Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
    classifier = FaceClassifier()
    crops = [crop_face(frame.image, box, classifier.side, classifier.margin) for frame in frames]
    found["crop"] = _timed(
        [lambda f=frame: crop_face(f.image, box, classifier.side, classifier.margin) for frame in frames]
    )
    found["classify face (crop to probabilities)"] = _timed([lambda c=crop: classifier.classify(c) for crop in crops])

    path = FacePath(config.face, classifier)
    found["face path (per frame, 15 fps)"] = _timed([lambda f=frame: path.process(f) for frame in frames], 15.0)

    voice = SpeechPath(SpeechSettings())
    blocks = [
        Sound(start / SAMPLE_RATE, sound[start : start + SAMPLE_RATE // 10])
        for start in range(0, len(sound) - SAMPLE_RATE // 10, SAMPLE_RATE // 10)
    ]
    found["speech path (per 100 ms)"] = _timed([lambda b=block: voice.process(b) for block in blocks], 10.0)
    listener = Classifier(models() / "speech")
    listener.begin()
    seconds = [sound[i : i + SAMPLE_RATE] for i in range(0, len(sound) - SAMPLE_RATE, SAMPLE_RATE // 2)]
    found["classify speech (one voiced second)"] = _timed([lambda s=second: listener.push(s) for second in seconds])

    scene = Scene(config, learned_weights(), 0.0)
    readings = [path.process(frame) for frame in frames]

    def decide(i: int) -> None:
        scene.feed(readings[i % len(readings)])
        scene.tick(i / 15.0, i / 15.0)

    found["fuse and decide (per frame)"] = _timed([lambda i=i: decide(i) for i in range(REPEATS)], 15.0)
    payload = next(m.payload for i in range(REPEATS) for m in scene.tick(1000.0 + i, 1000.0 + i))
    found["encode a message"] = _timed([lambda: msgspec.json.encode(payload)] * REPEATS, 2.0)
    return found


def _frames(media: Media) -> list[Frame]:
    source = Video(media.video, Camera(source=str(media.video)))
    source.open()
    frames = []
    try:
        while len(frames) < REPEATS:
            frames.append(source.read())
    except SourceEnded:
        pass
    finally:
        source.close()
    return frames


def _timed(calls: list[Callable[[], object]], per_second: float | None = None) -> Stage:
    """Time each call once after a warm-up."""
    for call in calls[:5]:
        call()
    spent = []
    for call in calls:
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    ordered = sorted(spent)
    mean = sum(spent) / len(spent)
    return Stage(
        median_ms=round(1000 * percentile(ordered, 0.5), 3),
        p95_ms=round(1000 * percentile(ordered, 0.95), 3),
        core_percent=None if per_second is None else round(100 * mean * per_second, 2),
    )
