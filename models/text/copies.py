"""Changed copies of English sentences for a teacher to answer: there are few sentences, but it can be asked of any.

A copy is a stretch of a sentence, or it and the next one, with some words lost and others in the place of like ones.
What it expresses need not be what the sentence did: only the teacher's answer is learned from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edge.inference import Floats
from edge.readings import LABELS
from edge.text.pieces import SPACE, normalised, words
from models.text.corpora import Sentence

COUNTS: Mapping[str, int] = {  # of each sentence of a corpus
    "meld": 6,
    "emorynlp": 6,
    "dailydialog": 6,
    "dailydialog_picked": 6,
    "goemotions": 3,
    "xed": 4,
    "emocontext": 1,
    "carer": 1,
    "unlabelled": 2,
}
_LIKE = 10  # words that may stand for one
_DIRECTIONS = 64  # of an embedding, in which like words are looked for
_LOST, _REPLACED, _STRETCH, _JOINED = 0.08, 0.15, 0.25, 0.25
_AT_ONCE = 1024


def copies(chosen: Sequence[Sentence], pieces: Sequence[str], embeddings: Floats, seed: int = 0) -> list[Sentence]:
    """Each text once, none that is there already."""
    draw, like = np.random.default_rng(seed), likenesses(pieces, embeddings)
    english = [one for one in chosen if one.language == "en" and one.corpus in COUNTS]
    said = [words(one.text) for one in english]
    known, found = {one.text for one in english}, []
    for row, one in enumerate(english):
        following = said[row + 1] if row + 1 < len(english) and english[row + 1].corpus == one.corpus else []
        for _ in range(COUNTS[one.corpus]):
            text = normalised("".join(changed(said[row], following, like, draw)).replace(SPACE, " "))
            if text and text not in known:
                known.add(text)
                found.append(Sentence(text, one.corpus, "en", "learn", frozenset(LABELS), text))
    return found


def changed(
    said: list[str], following: list[str], like: Mapping[str, Sequence[str]], draw: np.random.Generator
) -> list[str]:
    """The words of a copy; `following` are those of the next sentence."""
    chance, kept = draw.random(), said
    if chance < _STRETCH and len(said) > 3:
        length = int(draw.integers(2, len(said)))
        start = int(draw.integers(len(said) - length + 1))
        kept = said[start : start + length]
    elif chance > 1 - _JOINED:
        kept = [*said, *following]
    result, chances = [], draw.random(len(kept))
    for word, rolled in zip(kept, chances.tolist(), strict=True):
        if rolled < _REPLACED and word in like:
            result.append(like[word][int(draw.integers(len(like[word])))])
        elif rolled < 1 - _LOST:
            result.append(word)
    return result


def likenesses(pieces: Sequence[str], embeddings: Floats) -> dict[str, list[str]]:
    """Of each piece that is a word of letters, the words whose embeddings point most nearly the same way."""
    rows = [row for row, piece in enumerate(pieces) if piece.startswith(SPACE) and piece[1:].isalpha()]
    names = [pieces[row] for row in rows]
    ways = embeddings[rows, :_DIRECTIONS]
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    found = {}
    for at in range(0, len(rows), _AT_ONCE):
        near = ways[at : at + _AT_ONCE] @ ways.T
        near[np.arange(len(near)), np.arange(at, at + len(near))] = -1.0
        for name, best in zip(names[at:], np.argsort(-near, axis=1)[:, : min(_LIKE, len(rows) - 1)], strict=False):
            found[name] = [names[number] for number in best]
    return found
