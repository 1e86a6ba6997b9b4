"""What the shipped face model and the speech models of the folds say of people they never met, clean and degraded.

The speech side takes minutes and is kept; it is made anew when a model of a fold changes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from edge.face.classify import FaceClassifier
from edge.face.quality import quality_of
from edge.inference import read_manifest
from edge.readings import LABELS
from edge.speech.classifier import Classifier
from edge.speech.whole import classify_clip
from models.face import data as faces
from models.fusion.pairs import Side
from models.speech.augment import with_noise
from models.speech.corpora import FOLDS, Clip, find_clips
from models.speech.dataset import class_index
from models.speech.recordings import noise_files, read_clip

Picture = NDArray[np.uint8]
_NOISE_DB = 5.0


@dataclass(frozen=True)
class People:
    """One half of the people, to learn from or to judge with; row by row the same items clean and degraded."""

    face: Side
    poor_face: Side
    speech: Side
    poor_speech: Side


def halves(data: Path, face: Path, runs: Path, work: Path) -> tuple[People, People]:
    """Faces alternate between the halves, and so do speakers."""
    clear_faces, poor_faces = seen(face, data)
    clear_voices, poor_voices, speakers = heard(runs, data, work)
    odd_faces = np.arange(len(clear_faces.truth)) % 2 == 1
    odd_voices = speakers % 2 == 1
    first, second = (
        People(
            clear_faces.where(odd_faces == odd),
            poor_faces.where(odd_faces == odd),
            clear_voices.where(odd_voices == odd),
            poor_voices.where(odd_voices == odd),
        )
        for odd in (False, True)
    )
    return first, second


def seen(model: Path, data: Path) -> tuple[Side, Side]:
    """PublicTest by the votes' strict majority: as it is, and blurred, small or dark."""
    loaded = faces.load(faces.find(data), "PublicTest")
    clear, truth = faces.strict_majority(loaded)
    classifier = FaceClassifier(model)
    draw = np.random.default_rng(0)
    images = loaded.images[clear]
    plain = [(image, float(image.shape[0])) for image in images]
    poor = [poorly_seen(image, draw) for image in images]
    return _faces(classifier, plain, truth[clear]), _faces(classifier, poor, truth[clear])


def poorly_seen(image: Picture, draw: Generator) -> tuple[Picture, float]:
    """Out of focus, far away or in the dark; and how many pixels high the face then is."""
    height, kind = float(image.shape[0]), int(draw.integers(3))
    if kind == 0:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.5), np.uint8), height
    if kind == 1:
        small = cv2.resize(image, (12, 12), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8), 12.0
    dark = image * 0.08 + draw.normal(0, 3, image.shape)
    return np.clip(dark, 0, 255).astype(np.uint8), height


def _faces(classifier: FaceClassifier, pictures: list[tuple[Picture, float]], truth: NDArray[np.int64]) -> Side:
    answers = np.array([classifier.classify(image) for image, _ in tqdm(pictures, desc="faces", mininterval=20)])
    quality = np.array([quality_of(image, height, 1.0) for image, height in pictures])
    return Side(truth, answers, quality, np.log(np.maximum(answers, 1e-6)), np.zeros(len(truth), np.int64))


def heard(runs: Path, data: Path, work: Path) -> tuple[Side, Side, NDArray[np.int64]]:
    """RAVDESS clips, each by a model that never heard its speaker: as recorded, and in noise; and who speaks."""
    models = [next(iter(sorted(runs.glob(f"seed*-fold{fold}/manifest.json"))), None) for fold in range(len(FOLDS))]
    folders = {fold: path.parent for fold, path in enumerate(models) if path is not None}
    if not folders:
        raise SystemExit(f"{runs}: holds no speech model of a fold; scripts/train speech makes them")
    path = (
        work / f"voices-{zlib.crc32(''.join(read_manifest(one).sha256 for one in folders.values()).encode()):08x}.npz"
    )
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        np.savez(path, **_listened(folders, data))
    with np.load(path) as kept:
        clear, poor = (
            Side(**{one.name: kept[f"{kind}_{one.name}"] for one in fields(Side)}) for kind in ("clear", "poor")
        )
        return clear, poor, kept["speaker"]


def _listened(folders: dict[int, Path], data: Path) -> dict[str, NDArray[np.generic]]:
    noises = [read_clip(path) for path in noise_files(data)]
    clips = [clip for clip in find_clips(data, ("ravdess",)) if clip.fold() in folders]
    classifiers = {fold: Classifier(folder) for fold, folder in folders.items()}
    speakers = sorted({clip.speaker for clip in clips})
    rows = []
    for number, clip in enumerate(tqdm(clips, desc="voices", mininterval=20)):
        fold, draw = clip.fold() or 0, np.random.default_rng(number)
        samples = read_clip(clip.path)
        noisy = with_noise(samples, noises[int(draw.integers(len(noises)))], _NOISE_DB, draw)
        both = [_voice(classifiers[fold], clip, one, fold) for one in (samples, noisy)]
        if both[0] is not None:
            # A clip that is not heard in the noise tells nothing there.
            silent = (both[0][0], np.full(len(LABELS), 1 / len(LABELS)), 0.0, np.zeros_like(both[0][3]), fold)
            rows.append((both[0], both[1] or silent, speakers.index(clip.speaker)))
    kept = {"speaker": np.array([speaker for *_, speaker in rows])}
    for place, kind in enumerate(("clear", "poor")):
        columns = zip(*(row[place] for row in rows), strict=True)
        kept |= {f"{kind}_{one.name}": np.array(column) for one, column in zip(fields(Side), columns, strict=True)}
    return kept


def _voice(classifier: Classifier, clip: Clip, samples: NDArray[np.float32], fold: int) -> tuple[object, ...] | None:
    """In the order of Side's fields."""
    result = classify_clip(samples, classifier=classifier)
    if result.probabilities is None:
        return None
    truth = class_index(clip, LABELS)
    return truth, np.array(result.probabilities), result.quality, result.sums.statistics(), fold
