"""Which sentences there are and what they express, from the files NAME.csv.gz of one folder.

A label may be a set: a corpus whose annotators said "joy or surprise", or whose "others" is everything but three
feelings, teaches that it is one of these. What a corpus was never asked for is no evidence against it.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.readings import LABELS
from edge.text.pieces import normalised
from edge.text.pieces import sentences as parts
from models.text.plain import plain

Share = Literal["learn", "choose", "report"]
LANGUAGES = ("en", "de", "fr", "es", "it")
_MELD_DEV = "dev"
_CHOSEN_IN = 12  # one of so many groups of a corpus without a part for choosing

_EKMAN = "anger=angry disgust=disgusted fear=fearful joy=happy sadness=sad surprise=surprised neutral=neutral"


@dataclass(frozen=True)
class Corpus:
    """What its labels mean, which parts are for what, and how much a sentence of it counts in training."""

    meaning: Mapping[str, tuple[str, ...]]
    shares: Mapping[str, Share]  # by its own name of the split
    weight: float = 1.0
    seen: float = 1.0  # which share of its sentences an epoch has, each time others
    lesson: float = 1.0  # and which in an epoch of the teacher, or of learning from it
    file: str = ""  # where it is not its name
    languages: tuple[str, ...] = LANGUAGES

    @property
    def labels(self) -> frozenset[str]:
        """What its annotators could have said."""
        return frozenset(label for labels in self.meaning.values() for label in labels)


def _corpus(
    meaning: str,
    shares: str,
    weight: float = 1.0,
    seen: float = 1.0,
    lesson: float = 1.0,
    *,
    file: str = "",
    languages: tuple[str, ...] = LANGUAGES,
) -> Corpus:
    pairs = (pair.split("=") for pair in meaning.split())
    named = (tuple(pair.split("=")) for pair in shares.split())
    return Corpus(
        {name: tuple(labels.split("|")) for name, labels in pairs},
        dict(named),  # type: ignore[arg-type]
        weight,
        seen,
        lesson,
        file,
        languages,
    )


CORPORA: Mapping[str, Corpus] = {
    "meld": _corpus(_EKMAN, "train=learn dev=report", 3.0),
    "emorynlp": _corpus(
        "neutral=neutral joyful=happy scared=fearful mad=angry sad=sad peaceful=neutral|happy",
        "train=learn dev=report",
    ),
    "dailydialog": _corpus(_EKMAN.replace("joy", "happiness"), "dev=learn test=report"),
    "dailydialog_multi": _corpus(_EKMAN.replace("joy", "happiness"), "train=learn test=report", 1.0, 0.5, 0.5),
    "emocontext": _corpus(
        "angry=angry happy=happy sad=sad others=neutral|fearful|disgusted|surprised",
        "train=learn dev=choose test=report",
        0.7,
        0.3,
        0.15,
    ),
    "goemotions": _corpus(_EKMAN, "train=learn dev=choose test=report", lesson=0.4),
    "carer": _corpus(
        "anger=angry fear=fearful joy=happy love=happy sadness=sad surprise=surprised",
        "train=learn dev=choose test=report",
        0.7,
        0.5,
        0.2,
    ),
    "xed": _corpus(_EKMAN, "train=learn dev=report", 0.7, 0.6, 0.8, languages=("en",)),
    # Dialogues that were picked for their feelings: the same labels, far more of them.
    "dailydialog_picked": _corpus(_EKMAN.replace("joy", "happiness"), "train=learn", file="dailydialog"),
    # What nobody has labelled: any label may be true. Only a teacher's answer is learned from it.
    "unlabelled": _corpus(f"unknown={'|'.join(LABELS)}", "", seen=0.0, lesson=0.5),
    "plain": _corpus(f"unknown={'|'.join(LABELS)}", "", seen=0.0),
    # Labels that were carried over to the subtitles of other languages; of neutral lines there none was.
    "xed_projected": _corpus(
        _EKMAN.replace(" neutral=neutral", ""),
        "train=learn dev=report",
        0.7,
        0.6,
        0.8,
        file="xed",
        languages=LANGUAGES[1:],
    ),
}
_SPOKEN = ("meld", "emorynlp", "dailydialog", "dailydialog_picked")


@dataclass(frozen=True)
class Sentence:
    text: str  # normalised
    corpus: str
    language: str
    share: Share
    labels: frozenset[str]  # one of these; of a report part several mean that each is right
    english: str = ""  # the same in English, normalised, where that is known


def sentences(folder: Path) -> list[Sentence]:
    """All of the five languages that say something, in the order of the files.

    What is said again, word for word, in a part for reporting is not learned from.
    """
    found = [one for name in CORPORA for one in _of(folder, name)]
    found += _unlabelled(folder, found)
    found += _plain()
    reported = {one.text for one in found if one.share == "report" and len(one.text.split()) >= 4}
    return [one for one in found if one.share == "report" or one.text not in reported]


def _of(folder: Path, name: str) -> Iterator[Sentence]:
    corpus = CORPORA[name]
    path = folder / f"{corpus.file or name}.csv.gz"
    if not path.is_file():
        return
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    originals = _originals(folder) if name == "dailydialog_multi" else {}
    forbidden = _episodes_of_meld_dev(folder) if name == "emorynlp" else frozenset()
    for row in rows:
        language, share = row.get("lang") or "en", corpus.shares.get(row["split"])
        if language not in corpus.languages or share is None or row.get("in_meld_test") == "1":
            continue
        if row.get("episode") in forbidden:
            continue
        text, labels = normalised(row["text"]), _labels(row["label"], corpus)
        if text and labels:
            english = text if language == "en" else originals.get((row.get("dialogue", ""), row.get("turn", "")), "")
            yield Sentence(text, name, language, _chosen(name, row, share), labels, english)


def _unlabelled(folder: Path, found: Sequence[Sentence]) -> Iterator[Sentence]:
    """English ones: the parts of what is said in dialogues, and the turns before those that EmoContext labels."""
    known = {one.text for one in found}
    talk = [one.text for one in found if one.corpus in _SPOKEN and one.share == "learn"]
    lines = [part for text in talk for part in parts(text) if part != text]
    path = folder / "emocontext.csv.gz"
    if path.is_file():
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
        lines += [normalised(row.get(turn) or "") for row in rows for turn in ("turn1", "turn2")]
    for text in dict.fromkeys(lines):
        if len(text.split()) > 1 and text not in known:
            yield Sentence(text, "unlabelled", "en", "learn", frozenset(LABELS), text)


def _plain() -> Iterator[Sentence]:
    for texts in plain():
        for language, text in zip(LANGUAGES, texts, strict=True):
            yield Sentence(normalised(text), "plain", language, "learn", frozenset(LABELS), normalised(texts[0]))


def _originals(folder: Path) -> dict[tuple[str, str], str]:
    """What was translated, by dialogue and turn."""
    path = folder / "dailydialog.csv.gz"
    if not path.is_file():
        return {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {(row["dialogue"], row["turn"]): normalised(row["text"]) for row in csv.DictReader(file)}


def _episodes_of_meld_dev(folder: Path) -> frozenset[str]:
    """EmoryNLP annotates the same series: what it says of MELD's reporting part is not to be learned."""
    path = folder / "meld.csv.gz"
    if not path.is_file():
        return frozenset()
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return frozenset(row["episode"] for row in csv.DictReader(file) if row["split"] == _MELD_DEV and row["episode"])


def _labels(said: str, corpus: Corpus) -> frozenset[str]:
    """What the annotators said, without what is none of our labels."""
    return frozenset(label for one in said.split("|") for label in corpus.meaning.get(one, ()))


def _chosen(name: str, row: Mapping[str, str], share: Share) -> Share:
    """Where a corpus has no part for choosing, some of its dialogues are; translations go with their original."""
    if share != "learn" or "choose" in CORPORA[name].shares.values():
        return share
    group = row.get("dialogue") or row["text"]
    return "choose" if zlib.crc32(group.encode()) % _CHOSEN_IN == 0 else "learn"


def label_set(labels: frozenset[str]) -> list[bool]:
    """One flag for each of LABELS."""
    return [label in labels for label in LABELS]
