"""People who only talk: held-back meetings, somebody who reads books, and neutral sentences of unheard speakers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from edge.readings import LABELS, SAMPLE_RATE, Samples
from models.life.people import Part
from models.life.scenes import LifeScene, Span
from models.life.score import NEUTRAL, NOTHING, Seen
from models.life.voices import CORPORA, Speech, part_of, speakers
from models.speech.corpora import TALK, find_clips
from models.speech.recordings import read_clip
from models.speech.voice_check import by_kind

_PAUSE_S = 0.4
_BOOKS = "audiobook"
_MEETINGS = "meeting speech"
_LONGEST = 60  # sentences of one speaker


def talks(data: Path, part: Part, corpora: Sequence[str] = CORPORA, unheard: Collection[str] = ()) -> list[LifeScene]:
    """All talk of the part, of people whom the model did not hear. A reader is in both parts, the sentences are not."""
    kinds = {path: kind for kind, paths in by_kind(data / TALK).items() for path in paths}
    clips = [
        (clip.path, name)
        for clip in find_clips(data, (TALK,))
        for name in [f"{TALK}/{clip.speaker.split('-', 1)[1]}"]
        if not unheard or name in unheard
    ]
    found = [
        _scene("meeting", path.stem, [path], name)
        for path, name in clips
        if kinds.get(path) == _MEETINGS and part_of(name) == part
    ]
    for reader in sorted({name for path, name in clips if kinds.get(path) == _BOOKS}):
        books = [path for path, name in clips if name == reader and kinds.get(path) == _BOOKS]
        mine = books[0 if part == "tune" else 1 :: 2]
        if mine:
            found.append(_scene("audiobook", f"{part}/{reader}", mine, reader))
    return [
        *found,
        *(
            _scene("neutral sentences", speaker.name, speaker.clips[NEUTRAL][:_LONGEST], speaker.name)
            for speaker in speakers(data, part, corpora, unheard)
        ),
    ]


def _scene(kind: str, name: str, paths: Sequence[Path], speaker: str) -> LifeScene:
    samples = joined(paths)
    span = Span(0.0, len(samples) / SAMPLE_RATE, NEUTRAL)
    return LifeScene(f"talk/{kind}/{name}", "talk", NEUTRAL, (span,), lambda: (None, Speech(samples)), speaker)


def joined(paths: Sequence[Path]) -> Samples:
    """One after the other, with short pauses."""
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE), np.float32)
    return np.concatenate(list(chain.from_iterable((read_clip(path), pause) for path in paths)))


def claimed(cast: Sequence[LifeScene], seen: Sequence[Seen]) -> dict[str, Any]:
    """By kind of talk: the share of the time in which somebody is heard that is published as a feeling."""
    rows = [(scene, one) for scene, one in zip(cast, seen, strict=True) if scene.kind == "talk"]
    return {kind: _shares([(scene, one) for scene, one in rows if _kind(scene) == kind]) for kind in _kinds(rows)}


def _kind(scene: LifeScene) -> str:
    return scene.name.split("/")[1]


def _kinds(rows: Sequence[tuple[LifeScene, Seen]]) -> Iterator[str]:
    yield from dict.fromkeys(_kind(scene) for scene, _ in rows)


def _shares(rows: Sequence[tuple[LifeScene, Seen]]) -> dict[str, Any]:
    spent = dict.fromkeys((*LABELS, *NOTHING), 0.0)
    for scene, one in rows:
        for label, seconds in one.state_times(0.0, scene.seconds).items():
            spent[label] += seconds
    heard = sum(spent.values()) - spent[NOTHING[0]]
    return {
        "minutes": round(heard / 60, 1),
        "feeling": round(sum(spent[label] for label in LABELS if label != NEUTRAL) / heard, 4),
        **{label: round(spent[label] / heard, 4) for label in (*LABELS, NOTHING[1])},
    }


def table(measured: dict[str, Any]) -> str:
    """The figures for a person."""
    names = (*LABELS, NOTHING[1])
    lines = [
        f"| talk | minutes | **published as a feeling** | {' | '.join(names)} |",
        "|---" * (len(names) + 3) + "|",
    ]
    for kind, m in measured.items():
        cells = [
            f"{m['minutes']:.1f}",
            f"**{100 * m['feeling']:.1f} %**",
            *(f"{100 * m[name]:.1f} %" for name in names),
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)
