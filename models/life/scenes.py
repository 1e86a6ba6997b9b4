"""The scenes: who, what they feel and when, and how it is seen and heard.

Drawn with fixed seeds, so that a scene is the same for every model that is judged by it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from edge.capture.base import FrameSource, SoundSource
from edge.face.finder import SingleShot
from edge.readings import LABELS, Samples
from models.life.people import Part, Person, people, strangers
from models.life.pictures import FPS, Act, Actor, Conditions, Scenery, drawn, poor
from models.life.voices import CORPORA, Speaker, Speech, loudness, speakers, spoken

REST_S, FEELING_S = 8.0, 4.0
Make = Callable[[], tuple[FrameSource | None, SoundSource | None]]
Kind = Literal["face", "poor", "voice", "both", "apart", "arrival", "neutral", "talk"]
Shown = Literal["face and voice", "face", "voice"]
Photograph = tuple[Person, int, int]  # who, which of their photographs, and which turn it is of it
NEUTRAL = LABELS[0]
_DISAGREE = 0.2  # of the scenes with both: a neutral face over a voice with a feeling, and as many the other way round
_MAX_DELAY_S = 1.0  # between face and voice


@dataclass(frozen=True)
class Span:
    """From when to when what is felt."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class LifeScene:
    """One scene; `make` gives what camera and microphone are given."""

    name: str
    kind: Kind
    label: str
    spans: tuple[Span, ...]
    make: Make
    speaker: str = ""  # corpus/speaker, whose voice must not be known to the model
    shown: Shown = "face and voice"  # by what; the other one stays neutral

    @property
    def disagree(self) -> bool:
        return self.shown != "face and voice"

    @property
    def seconds(self) -> float:
        return self.spans[-1].end


@dataclass(frozen=True)
class Size:
    """How many scenes there are of each kind, at most."""

    faces: int  # for each feeling
    poor: int
    voices: int
    both: int
    apart: int  # for each feeling, shown by the face alone, and as many by the voice alone
    arrivals: int
    neutral: int  # people


FULL = Size(faces=14, poor=2, voices=6, both=10, apart=9, arrivals=4, neutral=14)
SHORT = Size(faces=3, poor=0, voices=2, both=2, apart=1, arrivals=0, neutral=2)


def scenes(
    data: Path, part: Part, size: Size, corpora: Sequence[str] = CORPORA, unheard: Collection[str] = ()
) -> list[LifeScene]:
    """All scenes of the part. `unheard`: whom to take, where the models did not learn from everybody."""
    find = SingleShot(0.4)
    cast, voices = people(data, part, find), speakers(data, part, corpora, unheard)
    found = [*_faces(cast, size.faces, "face"), *_faces(cast, size.poor, "poor")]
    found += _voices(voices, size.voices)
    found += _both(cast, voices, size.both)
    found += _apart(cast, voices, size.apart)
    for number, (label, still) in enumerate(strangers(data, part, find, size.arrivals) if size.arrivals else []):
        name = f"arrival/{part}/{label}/{number}"  # what was perceived is kept by name
        where = drawn(_random(name))
        acts = [Act(FEELING_S + 2.0, still)]
        found.append(
            LifeScene(name, "arrival", label, (Span(0.0, FEELING_S + 2.0, label),), _seen(acts, where, _seed(name)))
        )
    return found + list(_neutral(cast, size.neutral))


def _faces(cast: Sequence[Person], each: int, kind: Literal["face", "poor"]) -> Iterator[LifeScene]:
    """At rest, then a feeling. People with many photographs come as often as others; rare feelings twice."""
    for label in LABELS[1:]:
        for number, (person, index, turn) in enumerate(_photographs(cast, label, each)):
            name = f"{kind}/{label}/{number}-{person.name}-{index}-{turn}"
            how = drawn(_random(name)) if kind == "face" else poor(_random(name))
            yield LifeScene(
                name, kind, label, _spans(label), _seen(_acts(person, label, index, turn), how, _seed(name))
            )


def _photographs(cast: Sequence[Person], label: str, most: int) -> list[Photograph]:
    """Everybody's first, then everybody's second, and again in other conditions."""
    having = [person for person in cast if label in person.feelings]
    ranked = [
        (turn, index, person)
        for turn in range(2)
        for index in range(4)
        for person in having
        if index < len(person.feelings[label])
    ]
    return [(person, index, turn) for turn, index, person in ranked][:most]


def _acts(person: Person, label: str, index: int, turn: int, *, talking: bool = False) -> list[Act]:
    rest = person.rest[(index + turn) % len(person.rest)]
    felt = person.stills[label][index % len(person.stills[label])]
    manner: Literal["still", "talking"] = "talking" if talking else "still"
    return [Act(REST_S, rest, manner), Act(FEELING_S, felt, manner)]


def _voices(cast: Sequence[Speaker], each: int) -> Iterator[LifeScene]:
    for label in LABELS[1:]:
        having = [speaker for speaker in cast if label in speaker.clips]
        for number in range(min(each, 2 * len(having))):
            speaker = having[number % len(having)]
            name = f"voice/{label}/{number}-{speaker.name}"
            yield LifeScene(name, "voice", label, _spans(label), _heard(speaker, label, name), speaker.name)


def _both(cast: Sequence[Person], voices: Sequence[Speaker], each: int) -> Iterator[LifeScene]:
    """A face and a voice of one feeling, of two people; in two of five scenes one of them stays neutral."""
    for label in LABELS[1:]:
        seen, heard = _photographs(cast, label, each), [one for one in voices if label in one.clips]
        for number in range(min(each, max(len(seen), 2 * len(heard))) if seen and heard else 0):
            person, index, turn = seen[number % len(seen)]
            speaker = heard[number % len(heard)]
            name = f"both/{label}/{number}-{person.name}-{index}-{speaker.name}"
            share = (number * 0.618) % 1.0
            face = NEUTRAL if share < _DISAGREE else label
            voice = NEUTRAL if share > 1 - _DISAGREE else label
            make = _seen_and_heard((person, index, turn), face, (speaker, voice), name)
            shown: Shown = "face and voice" if face == voice else "voice" if face == NEUTRAL else "face"
            yield LifeScene(name, "both", label, _spans(label), make, speaker.name, shown)


def _apart(cast: Sequence[Person], voices: Sequence[Speaker], each: int) -> Iterator[LifeScene]:
    """A smile over a flat voice, and a trembling voice under a straight face: as many of one as of the other."""
    for label in LABELS[1:]:
        seen, heard = _photographs(cast, label, each), [one for one in voices if label in one.clips]
        for number in range(len(seen) if heard else 0):
            speaker = heard[number % len(heard)]
            smiling, straight = seen[number], (cast[(5 * number + LABELS.index(label)) % len(cast)], number, 0)
            sides: tuple[tuple[Shown, Photograph, str, str], ...] = (
                ("face", smiling, label, NEUTRAL),
                ("voice", straight, NEUTRAL, label),
            )
            for shown, photograph, face, voice in sides:
                name = f"apart/{shown}/{label}/{number}-{photograph[0].name}-{speaker.name}"
                make = _seen_and_heard(photograph, face, (speaker, voice), name)
                yield LifeScene(name, "apart", label, _spans(label), make, speaker.name, shown)


def _neutral(cast: Sequence[Person], most: int) -> Iterator[LifeScene]:
    """Half a minute of nothing: sitting, talking, looking down; then the same in another photograph of the person."""
    for person in cast[:most]:
        name = f"neutral/{person.name}"
        first, second = person.rest[0], person.rest[-1]
        acts = [
            Act(7.0, first), Act(7.0, first, "talking"), Act(3.0, first, "looking down"), Act(5.0, second),
            Act(6.0, second, "talking"), Act(2.0, second, "looking down"),
        ]  # fmt: skip
        spans = (Span(0.0, 17.0, NEUTRAL), Span(17.0, 30.0, NEUTRAL))
        yield LifeScene(name, "neutral", NEUTRAL, spans, _seen(acts, *_how(name)))


def _seen(acts: list[Act], where: Conditions, seed: int) -> Make:
    return lambda: (Scenery([Actor(acts, where, seed)], where, seed), None)


def _heard(speaker: Speaker, label: str, name: str) -> Make:
    return lambda: (None, Speech(_voice(speaker, label, name)))


def _voice(speaker: Speaker, label: str, name: str, delay: float = 0.0) -> Samples:
    return spoken(speaker, [(NEUTRAL, REST_S), (label, FEELING_S)], _random(name), delay=delay)


def _seen_and_heard(photograph: Photograph, face: str, voice: tuple[Speaker, str], name: str) -> Make:
    """The mouth moves with the voice; face and voice change up to a second apart."""
    person, index, turn = photograph
    where, seed = _how(name)
    delay = float(_random(name + "/delay").uniform(0, _MAX_DELAY_S))

    def make() -> tuple[FrameSource, SoundSource]:
        samples = _voice(*voice, name, delay)
        acts = _acts(person, face, index, turn, talking=True)
        return Scenery([Actor(acts, where, seed, loudness(samples, FPS))], where, seed), Speech(samples)

    return make


def _spans(label: str) -> tuple[Span, ...]:
    return Span(0.0, REST_S, NEUTRAL), Span(REST_S, REST_S + FEELING_S, label)


def _how(name: str) -> tuple[Conditions, int]:
    return drawn(_random(name)), _seed(name)


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(_seed(name))


def _seed(name: str) -> int:
    return zlib.crc32(name.encode())
