"""What face and speech path say of every scene: half an hour of work, kept until a path or a scene changes.

Of faces the crops are kept that the model is shown, which no answer of it has an influence on: a new face model is
asked about these alone, in a minute.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.config.schema import Config
from edge.face.classify import FaceClassifier
from edge.inference import read_manifest
from edge.readings import FaceReading, FacesReading, Probabilities, SpeechReading
from edge.service.replay import Perceived, perceived
from models.life.scenes import LifeScene

ROOT = Path(__file__).resolve().parents[2]
_CODE = {"face": "edge/face", "speech": "edge/speech"}
_SCENES = ("people.py", "pictures.py", "scenes.py", "voices.py")  # of this folder: these make the scenes


class Kept(msgspec.Struct, frozen=True):
    """One moment's readings, as they are kept."""

    time: float
    faces: list[FacesReading]
    voice: list[SpeechReading]


@dataclass(frozen=True)
class Models:
    """Folders of the models; for speakers that the shipped speech model learned from, those of their folds."""

    face: Path
    speech: Path
    folds: Mapping[str, Path]  # corpus/speaker -> a model that never heard them


def perceive(scenes: Sequence[LifeScene], models: Models, work: Path, workers: int = 1) -> list[list[Perceived]]:
    """For each scene what the paths say, in order. Face and voice are kept apart: a new model is asked alone."""
    work.mkdir(parents=True, exist_ok=True)
    code = {side: _code(folder) for side, folder in _CODE.items()}
    jobs = [_job(scene, models, side, code[side], work) for scene in scenes for side in ("face", "speech")]
    missing = [job for job in jobs if not job.path.exists()]
    with ThreadPoolExecutor(workers) as pool:  # most of the work is done outside of Python's lock
        list(
            tqdm(pool.map(_run, missing), total=len(missing), desc="scenes", mininterval=20, disable=len(missing) < 50)
        )
    return [
        list(heapq.merge(*(_read(job.path) for job in pair), key=lambda item: item.time))
        for pair in zip(jobs[::2], jobs[1::2], strict=True)
    ]


@dataclass(frozen=True)
class _Job:
    """One side of one scene."""

    scene: LifeScene
    folder: Path
    side: str
    path: Path
    looks: Path  # of faces: what the model is shown


def _job(scene: LifeScene, models: Models, side: str, code: str, work: Path) -> _Job:
    folder = models.face if side == "face" else models.folds.get(scene.speaker, models.speech)
    manifest = read_manifest(folder)
    shape = [manifest.preprocessing.get(name) for name in ("side", "margin")]
    path, looks = (
        work / f"{hashlib.sha256(said.encode()).hexdigest()[:24]}{suffix}"
        for said, suffix in (
            (f"{code}{side}{scene.name}{manifest.sha256}{manifest.temperature}", ".json"),
            (f"{code}{side}{scene.name}{shape}", ".npz"),
        )
    )
    return _Job(scene, folder, side, path, looks)


def _run(job: _Job) -> None:
    if job.side == "face":
        if not job.looks.exists():
            _look(job)
        kept = _asked(job)
    else:
        items = perceived(Config(), None, job.scene.make()[1], {"speech": job.folder})
        kept = [Kept(item.time, [], [r for r in item.readings if isinstance(r, SpeechReading)]) for item in items]
    draft = job.path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode([item for item in kept if item.faces or item.voice]))
    draft.replace(job.path)


class _Shown(FaceClassifier):
    """Keeps what the model is shown; an answer names its number alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.crops: list[NDArray[np.uint8]] = []
        self.mirrored: list[bool] = []

    def classify(self, crop: NDArray[np.uint8], *, mirrored: bool = False) -> Probabilities:
        self.crops.append(crop)
        self.mirrored.append(mirrored)
        return (float(len(self.crops) - 1),)


def _look(job: _Job) -> None:
    """Find and follow whoever is to be seen, and keep what the model would be shown."""
    frames, _ = job.scene.make()
    shown = _Shown(job.folder)
    items = perceived(Config(), frames, None, classifier=shown)
    kept = [Kept(item.time, [r for r in item.readings if isinstance(r, FacesReading)], []) for item in items]
    draft = job.looks.with_suffix(".new.npz")
    crops = np.array(shown.crops, np.uint8).reshape(len(shown.crops), shown.side, shown.side)
    np.savez(draft, crops=crops, mirrored=shown.mirrored, kept=np.frombuffer(msgspec.json.encode(kept), np.uint8))
    draft.replace(job.looks)


def _asked(job: _Job) -> list[Kept]:
    """The same with the answers of the model."""
    with np.load(job.looks) as looks:
        crops, mirrored, kept = looks["crops"], looks["mirrored"].tolist(), looks["kept"].tobytes()
    ask = FaceClassifier(job.folder).classify
    answers = [ask(crop, mirrored=each) for crop, each in zip(crops, mirrored, strict=True)]

    def answered(face: FaceReading) -> FaceReading:
        return replace(face, probabilities=answers[int(face.probabilities[0])])

    return [
        Kept(item.time, [replace(seen, faces=tuple(map(answered, seen.faces))) for seen in item.faces], [])
        for item in msgspec.json.decode(kept, type=list[Kept])
    ]


def _read(path: Path) -> list[Perceived]:
    kept = msgspec.json.decode(path.read_bytes(), type=list[Kept])
    return [Perceived(each.time, (*each.faces, *each.voice)) for each in kept]


def _code(folder: str) -> str:
    """Of what makes a scene and what perceives it."""
    digest = hashlib.sha256()
    for path in (*sorted((ROOT / folder).glob("*.py")), *(ROOT / "models" / "life" / name for name in _SCENES)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
