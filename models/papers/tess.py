"""TESS: the mean of 40 MFCC → LSTM(256), dropout, dense; 80/20 over recordings, each speaker, a fifth of the words."""

from __future__ import annotations

import numpy as np

from models.papers.features import mean_mfcc
from models.papers.fit import Outcome
from models.papers.networks import Lstm
from models.papers.section import PEOPLE, RANDOM, WORDS, Asked, Section, System
from models.papers.splits import at_random, some, without
from models.papers.voices import Voices, on_each


def outcomes(voices: Voices, epochs: int) -> dict[str, Outcome]:
    """By the paper's split, by people (each held out once) and by words."""
    by_speaker = {who: without(voices.people, {who}) for who in sorted(set(voices.people))}
    splits = {
        RANDOM: at_random(len(voices.truth)),
        WORDS: without(voices.words, some(voices.words)),
        **by_speaker,
    }
    found = on_each(voices, splits, epochs, Lstm)
    each = [found[who] for who in by_speaker]
    curve = np.mean([one.curve for one in each], axis=0).tolist()
    truth, guess = (np.concatenate([getattr(one, side) for one in each]) for side in ("truth", "guess"))
    people = Outcome(truth, guess, each[0].classes, [(a, b) for a, b in curve])
    return {RANDOM: found[RANDOM], PEOPLE: people, WORDS: found[WORDS]}


def _lstm(asked: Asked) -> Section:
    return Section(
        "tess-lstm", "TESS, mean of 40 MFCC → LSTM(256)", "training high, validation about 0.5",
        "80/20 over recordings as in the paper; each of the two speakers held out once; a fifth of the words held out. "
        + asked.said,
        outcomes(Voices.of(asked, "tess", mean_mfcc), asked.epochs), "tess",
    )  # fmt: skip


SYSTEMS = (System("tess-lstm", _lstm),)
