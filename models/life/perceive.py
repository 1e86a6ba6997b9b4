"""What face and speech path say of every scene: minutes of work, kept until a model, a path or a scene changes."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tqdm import tqdm

from edge.config.schema import Config
from edge.inference import read_manifest
from edge.readings import FacesReading, SpeechReading
from edge.service.replay import Perceived, perceived
from models.life.scenes import LifeScene

ROOT = Path(__file__).resolve().parents[2]
_CODE = {"face": ("edge/face", "models/life"), "speech": ("edge/speech", "models/life")}
_NOT = (
    "evaluate.py",
    "tune.py",
    "score.py",
    "perceive.py",
    "dialogue.py",
    "follow.py",
    "pooling.py",
)  # these make no scene


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
    code = {side: _code(folders) for side, folders in _CODE.items()}
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


def _job(scene: LifeScene, models: Models, side: str, code: str, work: Path) -> _Job:
    folder = models.face if side == "face" else models.folds.get(scene.speaker, models.speech)
    said = f"{code}{side}{scene.name}{read_manifest(folder).sha256}"
    return _Job(scene, folder, side, work / f"{hashlib.sha256(said.encode()).hexdigest()[:24]}.json")


def _run(job: _Job) -> None:
    frames, sound = job.scene.make()
    if job.side == "face":
        items = perceived(Config(), frames, None, {"face": job.folder})
    else:
        items = perceived(Config(), None, sound, {"speech": job.folder})
    kept = [
        Kept(
            item.time,
            [each for each in item.readings if isinstance(each, FacesReading)],
            [each for each in item.readings if isinstance(each, SpeechReading)],
        )
        for item in items
        if item.readings
    ]
    draft = job.path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(kept))
    draft.replace(job.path)


def _read(path: Path) -> list[Perceived]:
    kept = msgspec.json.decode(path.read_bytes(), type=list[Kept])
    return [Perceived(each.time, (*each.faces, *each.voice)) for each in kept]


def _code(folders: Sequence[str]) -> str:
    """Of what makes a scene and what perceives it."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.py")):
            if path.name not in _NOT:
                digest.update(path.read_bytes())
    return digest.hexdigest()
