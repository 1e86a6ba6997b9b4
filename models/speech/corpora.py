"""Which clips there are, what they express and who speaks, from the names of folders and files alone.

A folder belongs to the corpus that its name begins with (any case). Public archives and the prepared copies use the
same file names, so both are understood; what does not fit the pattern of its corpus is passed over.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.readings import LABELS
from edge.speech.classifier import CALM, CLASSES

SUFFIXES = (".wav", ".flac", ".opus", ".ogg")
FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17, 21, 23, 24))
MAIN = "ravdess"  # the corpus that has all classes, and whose figures others publish
TALK = "vad_speech"  # people who just talk: learned from as neutral, and asked what they are taken for
PLAIN = "plain_speech"  # what the teacher alone has something to say about; nobody in it is ever held back
UNTOLD = ""  # the emotion of that
# Who of them is held back together: in some meetings the same people speak, and all the audiobooks have one reader.
TALK_FOLDS = (
    ("dev00", "dev01", "trn04", "test"),
    ("tr00", "trn01", "trn02", "trn03"),
    ("trn05", "trn06", "trn09", "6097"),
    ("trn07", "trn08", "tst00", "tst01", "sample"),
)


@dataclass(frozen=True)
class Corpus:
    """How its files are named: the groups `who` and `what` of the pattern, and what each `what` means."""

    pattern: re.Pattern[str]
    emotions: Mapping[str, str]
    people: tuple[str, ...] = ()  # in the order in which the folds take them; others go by number


def _corpus(pattern: str, emotions: str, people: str = "") -> Corpus:
    meaning = dict(pair.split("=") for pair in emotions.split())
    return Corpus(re.compile(pattern), meaning, tuple(people.split()))


CORPORA: Mapping[str, Corpus] = {
    "ravdess": _corpus(  # 02 in the second place is song
        r"\d\d-01-(?P<what>\d\d)-(?P<strength>\d\d)-\d\d-\d\d-(?P<who>\d\d)",
        f"01=neutral 02={CALM} 03=happy 04=sad 05=angry 06=fearful 07=disgusted 08=surprised",
    ),
    "tess": _corpus(
        r"(?P<who>[OY]A)F?_\w+_(?P<what>[a-z]+)",  # one file of the release is named OA_bite_neutral
        "ps=surprised fear=fearful disgust=disgusted angry=angry happy=happy sad=sad neutral=neutral",
        "OA YA",
    ),
    "emovo": _corpus(
        r"(?P<what>[a-z]{3})-(?P<who>[fm]\d)-\w+",
        "neu=neutral dis=disgusted gio=happy pau=fearful rab=angry sor=surprised tri=sad",
        "f1 f2 f3 m3 m1 m2",
    ),
    "banglaser": _corpus(
        r"\d\d-\d\d-(?P<what>\d\d)-\d\d-\d\d-\d\d-(?P<who>\d\d)",
        "01=happy 02=sad 03=angry 04=surprised 05=neutral",
    ),
    "nemo": _corpus(
        r"(?P<who>[A-Z]{2}\d)_(?P<what>[a-z]+)_\d+",
        "anger=angry fear=fearful happiness=happy neutral=neutral sadness=sad surprised=surprised",
        "EB0 IC0 KS0 MK0 MP0 SM0 TP0",
    ),
    "rcebrian": _corpus(
        r"(?P<who>s\d+)_(?P<what>[a-z]+)_\d+",
        "alegria=happy asco=disgusted ira=angry miedo=fearful neutro=neutral sorpresa=surprised tristeza=sad",
    ),
    "turev": _corpus(
        r"(?P<who>\d{4})_(?P<what>[a-z]{2})_\w+",
        "hl=sad kz=angry mt=happy sk=neutral",
        "1157 1234 1358 6783 7895",
    ),
    "ased": _corpus(r"(?P<what>[a-z])\d-\d\d-\d\d-\d\d-(?P<who>\d\d)", "a=angry f=fearful h=happy n=neutral s=sad"),
    "emotiontts": _corpus(
        r"(?P<who>(em|ne)[a-z])00(?P<what>\d)\d\d",
        "0=neutral 1=happy 2=angry 3=sad",
        "ema nea emf neb emg ned emh nee nek nel nen neo",
    ),
    "urdu": _corpus(r"S(?P<who>[FM]\d+)_F\d+_(?P<what>[A-Z])\d+", "A=angry H=happy N=neutral S=sad"),
    TALK: _corpus(
        r"(?P<what>pyannote_|pyaa_speech_s_|silero_|wcpp)(?P<who>[^_]+)(_.*)?",
        "pyannote_=neutral pyaa_speech_s_=neutral silero_=neutral wcpp=neutral",
    ),
}
_PLAIN = Corpus(re.compile(r"(?P<who>[^_]+)(?P<what>)(_.*)?"), {"": UNTOLD})
# What the speakers of a corpus were never asked for: its silence about a class is no evidence against it.
MISSING: Mapping[str, frozenset[str]] = {
    name: frozenset(CLASSES) - set(corpus.emotions.values()) for name, corpus in CORPORA.items()
} | {TALK: frozenset({CALM})}  # they might have felt anything, and did not show it


@dataclass(frozen=True)
class Clip:
    path: Path
    corpus: str
    speaker: str  # unique over all corpora
    emotion: str  # one of LABELS, CALM, or UNTOLD
    strong: bool = False

    @property
    def key(self) -> str:
        return f"{self.corpus}/{self.path.stem}"

    def fold(self) -> int | None:
        """The fold that holds its speaker back. RAVDESS actors beyond the first four folds are in none."""
        who = self.speaker.partition("-")[2]
        if self.corpus == MAIN:
            return next((number for number, actors in enumerate(FOLDS) if int(who) in actors), None)
        if self.corpus == TALK and (together := [n for n, names in enumerate(TALK_FOLDS) if who in names]):
            return together[0]
        if self.corpus == PLAIN:
            return None
        people = CORPORA[self.corpus].people
        digits = "".join(letter for letter in who if letter.isdigit())
        place = people.index(who) if who in people else int(digits) if digits else zlib.crc32(who.encode())
        return place % len(FOLDS)


def held_back(run: str, clip: Clip) -> bool:
    """Whether a run of this name (fold2, without-emovo, without-emovo+nemo) never hears the clip."""
    kind, _, corpora = run.partition("-")
    return clip.corpus in corpora.split("+") if kind == "without" else run == f"fold{clip.fold()}"


def class_index(clip: Clip, classes: tuple[str, ...]) -> int:
    """Of what the clip expresses; calm is neutral where it is no class of its own."""
    return classes.index(clip.emotion if clip.emotion in classes else LABELS[0])


def find_clips(data: Path, corpora: Iterable[str] = tuple(CORPORA)) -> list[Clip]:
    """All clips below `data`, in a fixed order, each name once per corpus (public archives hold doubles)."""
    clips: dict[str, Clip] = {}
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        name = next((name for name in corpora if folder.name.lower().startswith(name)), None)
        for path in _sound_files(folder) if name else ():
            clip = _clip(path, name or "")
            if clip is not None:
                clips.setdefault(clip.key, clip)
    return [clips[key] for key in sorted(clips)]


def _sound_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)


def _clip(path: Path, name: str) -> Clip | None:
    corpus = CORPORA.get(name, _PLAIN)
    match = corpus.pattern.fullmatch(path.stem)
    if match is None or match["what"] not in corpus.emotions:
        return None
    strong = "strength" in match.groupdict() and match["strength"] == "02"
    return Clip(path, name, f"{name}-{match['who']}", corpus.emotions[match["what"]], strong)


def thinned(clips: list[Clip], tess_share: float) -> list[Clip]:
    """Part of TESS, by word: two speakers and two hundred words must not drown the others."""

    def stays(clip: Clip) -> bool:
        word = clip.path.stem.split("_")[1] if clip.corpus == "tess" else ""
        return clip.corpus != "tess" or zlib.crc32(word.encode()) % 100 < 100 * tess_share

    return [clip for clip in clips if stays(clip)]
