"""Which sentences there are and what they express, from the files NAME.csv.gz of one folder.

A label may be a set: a corpus whose annotators said "joy or surprise", or whose "others" is everything but three
feelings, teaches that it is one of these. What a corpus was never asked for is no evidence against it.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.readings import LABELS
from edge.text.pieces import normalised

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

    @property
    def labels(self) -> frozenset[str]:
        """What its annotators could have said."""
        return frozenset(label for labels in self.meaning.values() for label in labels)


def _corpus(meaning: str, shares: str, weight: float = 1.0, seen: float = 1.0) -> Corpus:
    pairs = (pair.split("=") for pair in meaning.split())
    named = (tuple(pair.split("=")) for pair in shares.split())
    return Corpus(
        {name: tuple(labels.split("|")) for name, labels in pairs},
        dict(named),  # type: ignore[arg-type]
        weight,
        seen,
    )


CORPORA: Mapping[str, Corpus] = {
    "meld": _corpus(_EKMAN, "train=learn dev=report", 3.0),
    "emorynlp": _corpus(
        "neutral=neutral joyful=happy scared=fearful mad=angry sad=sad peaceful=neutral|happy",
        "train=learn dev=report",
    ),
    "dailydialog": _corpus(_EKMAN.replace("joy", "happiness"), "train=learn dev=learn test=report"),
    "dailydialog_multi": _corpus(_EKMAN.replace("joy", "happiness"), "train=learn test=report", 1.0, 0.5),
    "emocontext": _corpus(
        "angry=angry happy=happy sad=sad others=neutral|fearful|disgusted|surprised",
        "train=learn dev=choose test=report",
        0.7,
        0.3,
    ),
    "goemotions": _corpus(_EKMAN, "train=learn dev=choose test=report"),
    "carer": _corpus(
        "anger=angry fear=fearful joy=happy love=happy sadness=sad surprise=surprised",
        "train=learn dev=choose test=report",
        0.7,
        0.5,
    ),
    "xed": _corpus(_EKMAN, "train=learn dev=report", 0.7, 0.6),
}


@dataclass(frozen=True)
class Sentence:
    text: str  # normalised
    corpus: str
    language: str
    share: Share
    labels: frozenset[str]  # one of these; of a report part several mean that each is right


def sentences(folder: Path) -> list[Sentence]:
    """All of the five languages that say something, in the order of the files.

    What is said again, word for word, in a part for reporting is not learned from.
    """
    found = [one for name in CORPORA if (folder / f"{name}.csv.gz").is_file() for one in _of(folder, name)]
    reported = {one.text for one in found if one.share == "report" and len(one.text.split()) >= 4}
    return [one for one in found if one.share == "report" or one.text not in reported]


def _of(folder: Path, name: str) -> Iterator[Sentence]:
    corpus = CORPORA[name]
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    forbidden = _episodes_of_meld_dev(folder) if name == "emorynlp" else frozenset()
    for row in rows:
        language, share = row.get("lang") or "en", corpus.shares.get(row["split"])
        if language not in LANGUAGES or share is None or row.get("in_meld_test") == "1":
            continue
        if row.get("episode") in forbidden:
            continue
        text, labels = normalised(row["text"]), _labels(row["label"], corpus)
        if text and labels:
            yield Sentence(text, name, language, _chosen(name, row, share), labels)


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
