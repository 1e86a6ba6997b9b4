"""Which clips there are, what they express and who speaks. Accepts the public layouts and the prepared ones.

RAVDESS `**/03-01-*.wav|flac`, TESS `**/OAF_word_emotion.*`, EMOVO `**/emo-f1-b1.*`, BanglaSER `**/03-01-*.opus`
below folders whose names begin with ravdess, tess, emovo, banglaser (any case). Names alone are parsed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.speech.classifier import CALM

CORPORA = ("ravdess", "tess", "emovo", "banglaser")
SUFFIXES = (".wav", ".flac", ".opus", ".ogg")
FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24))
_RAVDESS = ("neutral", CALM, "happy", "sad", "angry", "fearful", "disgusted", "surprised")
_BANGLA = ("happy", "sad", "angry", "surprised", "neutral")
_TESS = {"ps": "surprised", "fear": "fearful", "disgust": "disgusted", "angry": "angry", "happy": "happy"}
_TESS |= {"sad": "sad", "neutral": "neutral"}
_EMOVO = {"dis": "disgusted", "gio": "happy", "pau": "fearful", "rab": "angry", "sor": "surprised", "tri": "sad"}
_EMOVO |= {"neu": "neutral"}
# What actors of a corpus were never asked for: its silence about a class is no evidence against it.
UNLABELLED = "librispeech"
MISSING = {UNLABELLED: (), "banglaser": ("fearful", "disgusted"), "tess": (), "emovo": (), "ravdess": ()}


@dataclass(frozen=True)
class Clip:
    path: Path
    corpus: str
    speaker: str  # unique over all corpora
    emotion: str  # one of LABELS, or CALM
    strong: bool = False

    @property
    def key(self) -> str:
        return f"{self.corpus}/{self.path.stem}"

    def fold(self) -> int | None:
        """The fold that holds its speaker back. RAVDESS actors beyond the first four folds are in none."""
        who = self.speaker.split("-")[1]
        if self.corpus == UNLABELLED:
            return None
        if self.corpus == "ravdess":
            return next((number for number, actors in enumerate(FOLDS) if int(who) in actors), None)
        if self.corpus == "banglaser":
            return int(who) % len(FOLDS)
        return {"OAF": 0, "YAF": 1, "f1": 0, "m1": 0, "f2": 1, "m2": 1, "f3": 2, "m3": 3}[who]


def find_clips(data: Path, corpora: tuple[str, ...] = CORPORA) -> list[Clip]:
    """All clips below `data`, in a fixed order, each name once per corpus (public archives hold doubles)."""
    clips: dict[str, Clip] = {}
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        corpus = next((name for name in corpora if folder.name.lower().startswith(name)), None)
        for path in _sound_files(folder) if corpus else ():
            clip = _clip(path, corpus or "")
            if clip is not None:
                clips.setdefault(clip.key, clip)
    return [clips[key] for key in sorted(clips)]


def find_voices(folders: Iterable[Path]) -> list[Clip]:
    """Recordings of many people, named as in LibriSpeech: speaker-chapter-number. What they feel is not told."""
    found = {
        path.stem: Clip(path, UNLABELLED, f"{UNLABELLED}-{path.stem.split('-')[0]}", "neutral")
        for folder in folders
        for path in _sound_files(folder)
        if re.fullmatch(r"\d+-\d+-\d+", path.stem)
    }
    return [found[stem] for stem in sorted(found)]


def _sound_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)


def _clip(path: Path, corpus: str) -> Clip | None:
    parse = {"ravdess": _ravdess, "tess": _tess, "emovo": _emovo, "banglaser": _banglaser}[corpus]
    return parse(path)


def _ravdess(path: Path) -> Clip | None:
    parts = path.stem.split("-")
    if len(parts) != 7 or parts[1] != "01" or not all(part.isdigit() for part in parts):
        return None  # 02 in the second place is song
    return Clip(path, "ravdess", f"ravdess-{parts[6]}", _RAVDESS[int(parts[2]) - 1], parts[3] == "02")


def _tess(path: Path) -> Clip | None:
    parts = path.stem.split("_")
    if len(parts) != 3 or parts[2].lower() not in _TESS:
        return None
    speaker = "YAF" if parts[0].upper().startswith("Y") else "OAF"  # one file of the release is named OA_bite_neutral
    return Clip(path, "tess", f"tess-{speaker}", _TESS[parts[2].lower()])


def _emovo(path: Path) -> Clip | None:
    match = re.fullmatch(r"(\w{3})-([fm]\d)-\w+", path.stem)
    if match is None or match[1] not in _EMOVO:
        return None
    return Clip(path, "emovo", f"emovo-{match[2]}", _EMOVO[match[1]])


def _banglaser(path: Path) -> Clip | None:
    parts = path.stem.split("-")
    if len(parts) != 7 or not all(part.isdigit() for part in parts):
        return None
    return Clip(path, "banglaser", f"banglaser-{parts[6]}", _BANGLA[int(parts[2]) - 1], parts[3] == "02")


def thinned(clips: list[Clip], tess_share: float) -> list[Clip]:
    """Without most of TESS, by word: two speakers and two hundred words must not drown the others."""

    def stays(clip: Clip) -> bool:
        word = clip.path.stem.split("_")[1] if clip.corpus == "tess" else ""
        return clip.corpus != "tess" or zlib.crc32(word.encode()) % 100 < 100 * tess_share

    return [clip for clip in clips if stays(clip)]
