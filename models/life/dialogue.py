"""Who speaks: scenes with several people and one microphone, and how often the voice goes to the right face.

Two or three people take turns, each mouth moving with its own voice; or a television speaks while everybody is silent,
or while one of them chews.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from edge.config.schema import Config
from edge.emotion.fusion import learned_weights
from edge.errors import SourceEnded
from edge.face.classify import FaceClassifier
from edge.face.finder import SingleShot
from edge.face.path import FacePath
from edge.messages.payloads import PersonPayload
from edge.readings import SAMPLE_RATE, Frame, Samples
from edge.service.replay import Perceived, decided, perceived
from models.life.people import Part, Person, people
from models.life.perceive import Models
from models.life.pictures import FPS, WIDTH, Act, Actor, Conditions, Scenery
from models.life.scenes import NEUTRAL
from models.life.voices import CORPORA, Speaker, Speech, lips, speakers, spoken

TURN_S = 4.0
_PLACES = {2: (190.0, 450.0), 3: (110.0, 320.0, 530.0)}
_HEIGHTS = {2: 130.0, 3: 100.0}
_LATE_S = 2.0  # after a turn began, within which the voice may still be given to the one before


@dataclass(frozen=True)
class Dialogue:
    """`turns[i]`: which person speaks in the i-th turn; -1 is somebody who is not in view."""

    cast: tuple[Person, ...]
    voices: tuple[Speaker, ...]
    turns: tuple[int, ...]
    seed: int
    chews: bool = False  # the first of the cast, whoever speaks

    @property
    def seconds(self) -> float:
        return TURN_S * len(self.turns)


def dialogues(data: Path, part: Part, count: int, corpora: Sequence[str] = CORPORA) -> dict[str, list[Dialogue]]:
    """Two people, three people, a television before two, and before two of whom one chews."""
    cast, voices = people(data, part, SingleShot(0.4)), speakers(data, part, corpora)
    random = np.random.default_rng(7)
    found: dict[str, list[Dialogue]] = {"two": [], "three": [], "television": []}
    for seed in range(count):
        for name, size in (("two", 2), ("three", 3), ("television", 2)):
            who = random.choice(len(cast), size, replace=False)
            heard = random.choice(len(voices), size)
            order = [int(i) for i in random.permutation(size)]
            turns = (-1, -1, -1) if name == "television" else tuple([*order, *order][: 4 if size == 2 else 5])
            found[name].append(
                Dialogue(tuple(cast[i] for i in who), tuple(voices[i] for i in heard), turns, 100 * seed + size)
            )
    found["chewing"] = [replace(one, chews=True) for one in found["television"]]
    return found


def right_owner(dialogue: Dialogue, models: Models) -> dict[str, float]:
    """Seconds of voice: given to the right face, to a wrong one, to nobody."""
    frames, sound, places = _composed(dialogue)
    faces = FacePath(Config().face, FaceClassifier(models.face))
    items, tracks = [], {}
    for frame in _frames(frames):
        items.append(Perceived(frame.time, (faces.process(frame),)))
        for track, (x, _) in faces.centres().items():
            tracks[track] = min(range(len(places)), key=lambda i: abs(places[i][0] - x * WIDTH))
    heard = perceived(Config(), None, sound, {"speech": models.speech})
    items = list(heapq.merge(items, heard, key=lambda item: item.time))
    config = structs.replace(Config(), publish=structs.replace(Config().publish, people=True, max_hz=10.0))
    spent = {"right": 0.0, "wrong": 0.0, "nobody": 0.0}
    owner: dict[int, bool] = {}
    last = 0.0
    for now, message in decided(config, items, learned_weights()):
        if not isinstance(message.payload, PersonPayload):
            continue
        if now > last:
            speaks = next((tracks.get(track) for track, speaking in owner.items() if speaking), None)
            _count(dialogue, speaks, now, now - last, spent)
            last, owner = now, {}
        owner[message.payload.track] = message.payload.speaking
    return spent


def _count(dialogue: Dialogue, speaks: int | None, now: float, seconds: float, spent: dict[str, float]) -> None:
    turn, since = divmod(now, TURN_S)
    if turn >= len(dialogue.turns) or since < _LATE_S or since > TURN_S - 0.4 or seconds > 1.0:
        return
    truth = dialogue.turns[int(turn)]
    if speaks is None:
        spent["right" if truth < 0 else "nobody"] += seconds
    else:
        spent["right" if speaks == truth else "wrong"] += seconds


def _composed(dialogue: Dialogue) -> tuple[Scenery, Speech, list[tuple[float, float]]]:
    random, moving = np.random.default_rng(dialogue.seed), np.random.default_rng((dialogue.seed, 1))
    size = len(dialogue.cast)
    acts: list[list[Act]] = [[] for _ in range(size)]
    mouths: list[list[np.ndarray]] = [[] for _ in range(size)]  # type: ignore[type-arg]
    sound: list[Samples] = []
    for turn in dialogue.turns:
        voice = dialogue.voices[max(turn, 0)]
        said = spoken(voice, [(NEUTRAL, TURN_S)], random)
        sound.append(said)
        opened = lips(said, FPS, moving)[: round(TURN_S * FPS)]
        for i, person in enumerate(dialogue.cast):
            chews = dialogue.chews and i == 0
            acts[i].append(Act(TURN_S, person.rest[0], "talking" if i == turn or chews else "still"))
            mouths[i].append(np.resize(_chewed(moving) if chews else opened, round(TURN_S * FPS)))
    actors, places = [], []
    for i in range(size):
        place = (_PLACES[size][i], float(random.uniform(200, 250)))
        places.append(place)
        where = Conditions(
            height=_HEIGHTS[size] * float(random.uniform(0.85, 1.15)), x=place[0], y=place[1], noise=3.0,
            sway=float(random.uniform(0.4, 1.3)),
        )  # fmt: skip
        actors.append(Actor(acts[i], where, dialogue.seed + i, np.concatenate(mouths[i])))
    samples = np.concatenate(sound)
    assert len(samples) == round(dialogue.seconds * SAMPLE_RATE)  # noqa: S101
    return Scenery(actors, Conditions(noise=3.0), dialogue.seed), Speech(samples), places


def _chewed(random: np.random.Generator) -> np.ndarray:  # type: ignore[type-arg]
    """How far a mouth is open that goes its own way: bites in bursts, about as fast and as wide as words."""
    time = np.arange(round(TURN_S * FPS)) / FPS
    pace = np.cumsum(random.uniform(1.0, 3.0, len(time))) / FPS
    bites = 0.5 + 0.5 * np.sin(2 * np.pi * (pace + random.uniform()))
    return np.asarray(bites * (0.55 + 0.45 * np.sin(2 * np.pi * (0.3 * time + random.uniform()))))


def _frames(scenery: Scenery) -> Iterator[Frame]:
    scenery.open()
    with contextlib.suppress(SourceEnded):
        while True:
            yield scenery.read()


def summary(found: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Shares of voiced time, by kind of scene."""
    result = {}
    for kind, rows in found.items():
        total = sum(sum(row.values()) for row in rows) or 1.0
        result[kind] = {name: round(sum(row[name] for row in rows) / total, 4) for name in ("right", "wrong", "nobody")}
        result[kind]["minutes"] = round(total / 60, 2)
    return result


_NAMES = {
    "two": "two people take turns", "three": "three people take turns", "television": "a television, two silent people",
    "chewing": "a television, two silent people of whom one chews",
}  # fmt: skip


def owners(shares: Mapping[str, Any]) -> str:
    """The same for a person."""
    lines = ["| scenes | right | given to a silent face | to nobody | minutes |", "|---|---|---|---|---|"]
    for kind, name in _NAMES.items():
        m = shares[kind]
        nobody = f"{100 * m['nobody']:.0f} %" if kind in ("two", "three") else "is right"
        lines.append(
            f"| {name} | {100 * m['right']:.0f} % | {100 * m['wrong']:.0f} % | {nobody} | {m['minutes']:.1f} |"
        )
    return "\n".join([*lines, "", f"{shares['scenes_of_each_kind']} scenes of each kind."])
