"""What face and speech path say of every scene: minutes of work, kept until a model, a path or a scene changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
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
_CODE = ("edge/face", "edge/speech", "models/life")
_NOT = ("evaluate.py", "tune.py", "score.py", "card.py")  # what does not touch the scenes


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

    def of(self, scene: LifeScene) -> dict[str, Path]:
        return {"face": self.face, "speech": self.folds.get(scene.speaker, self.speech)}


def perceive(scenes: Sequence[LifeScene], models: Models, work: Path) -> list[list[Perceived]]:
    """For each scene what the paths say, in order."""
    work.mkdir(parents=True, exist_ok=True)
    code = _code()
    found = []
    for scene in tqdm(scenes, desc="scenes", mininterval=20, disable=len(scenes) < 50):
        folders = models.of(scene)
        # A scene without sound does not depend on the model for it.
        needed = [folders[name] for name in folders if not (scene.kind not in ("voice", "both") and name == "speech")]
        said = "".join((code, scene.name, *(read_manifest(folder).sha256 for folder in needed)))
        path = work / f"{hashlib.sha256(said.encode()).hexdigest()[:24]}.json"
        if not path.exists():
            path.write_bytes(msgspec.json.encode(_run(scene, folders)))
        found.append([Perceived(k.time, (*k.faces, *k.voice)) for k in _read(path)])
    return found


def _run(scene: LifeScene, folders: dict[str, Path]) -> list[Kept]:
    frames, sound = scene.make()
    return [
        Kept(
            item.time,
            [each for each in item.readings if isinstance(each, FacesReading)],
            [each for each in item.readings if isinstance(each, SpeechReading)],
        )
        for item in perceived(Config(), frames, sound, folders)
    ]


def _read(path: Path) -> list[Kept]:
    return msgspec.json.decode(path.read_bytes(), type=list[Kept])


def _code() -> str:
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((ROOT / folder).glob("*.py")):
            if path.name not in _NOT:
                digest.update(path.read_bytes())
    return digest.hexdigest()
