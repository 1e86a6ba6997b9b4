"""Whose voice it is: by movement, and by whether a mouth opens with the loudness that is heard."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from edge.emotion.speaker import WINDOW_S, Loudness, Mouth, correlation, speaker, steady_correlation
from edge.readings import LEVEL_S

FPS = 15.0


def said(time: float, seed: int = 0) -> float:
    """How loud somebody is, 0 to 1: syllables, each different."""
    syllables = np.random.default_rng(seed).uniform(0, 1, 60) ** 2
    return float(np.interp(4.0 * time, np.arange(60), syllables))


def heard(until: float, seed: int = 0) -> Loudness:
    loudness = Loudness()
    for end in np.arange(0.5, until + 0.01, 0.5):
        times = end - 0.5 + LEVEL_S * (np.arange(round(0.5 / LEVEL_S)) + 0.5)
        loudness.hear(float(end), [30.0 * said(float(time), seed) for time in times])
    return loudness


def mouth(seconds: float, opening: int | None, *, moves: float = 0.05, lag: float = 0.1) -> Mouth:
    """One that opens `lag` seconds before what is said with this seed; None: it stays shut."""
    one = Mouth()
    for i in range(round(seconds * FPS)):
        now = i / FPS
        opened = 0.0 if opening is None else said(now + lag, opening)
        one.observe(now, moves if opening is not None else 0.002, voice=True, opening=opened)
    return one


@pytest.mark.parametrize("lag", [-0.05, 0.0, 0.1, 0.25])
def test_of_two_mouths_that_move_the_voice_goes_to_the_one_that_moves_with_it(lag: float) -> None:
    mouths = {1: mouth(4.0, 3), 2: mouth(4.0, 0, lag=lag)}
    assert speaker(mouths, None, 4.0, heard(4.0)) == 2
    assert speaker(mouths, 1, 4.0, heard(4.0)) == 2, "whoever had it before does not keep it by chewing"


def test_a_mouth_that_moves_to_something_else_does_not_get_the_voice() -> None:
    """Somebody chews before the television."""
    chewing = [speaker({1: mouth(4.0, i)}, None, 4.0, heard(4.0, i + 20)) for i in range(20)]
    talking = [speaker({1: mouth(4.0, i)}, None, 4.0, heard(4.0, i)) for i in range(20)]
    assert talking.count(1) >= 19
    assert chewing.count(1) <= 14, "two seconds tell a little, not all"


def test_without_a_level_movement_alone_decides() -> None:
    assert speaker({1: mouth(3.0, 3), 2: mouth(3.0, None)}, None, 3.0) == 1
    flat = Loudness()
    flat.hear(3.0, [20.0] * round(3.0 / LEVEL_S))
    assert speaker({1: mouth(3.0, 3), 2: mouth(3.0, None)}, None, 3.0, flat) == 1


def test_a_blink_or_a_jerk_is_no_word() -> None:
    one = Mouth()
    for i in range(45):
        one.observe(i / FPS, 0.12 if i in (30, 31) else 0.0, voice=True, opening=0.5 * (i in (30, 31)))
    assert speaker({1: one}, None, 45 / FPS) is None


def test_what_a_mouth_does_in_silence_is_taken_off() -> None:
    one = Mouth()
    for i in range(300):
        one.observe(i / FPS, 0.06, voice=False, opening=0.1 * (i // 2 % 2))
    for i in range(300, 345):
        one.observe(i / FPS, 0.06, voice=True, opening=0.1 * (i // 2 % 2))
    assert speaker({1: one}, None, 345 / FPS) is None


@pytest.mark.parametrize("fps", [8.0, 15.0, 30.0])
def test_the_rate_of_frames_does_not_matter(fps: float) -> None:
    one = Mouth()
    for i in range(round(3.0 * fps)):
        one.observe(i / fps, 0.05, voice=True, opening=0.1 * math.sin(2 * math.pi * 3.0 * i / fps))
    assert one.movement(3.0) == pytest.approx(0.08, rel=0.3)


def test_what_goes_with_a_voice_only_half_of_the_time_goes_with_it_less() -> None:
    voice = 10 + 10 * np.sin(np.linspace(0, 12, 40))
    talks, chews = voice / 40, np.concatenate((voice[:20], 20 - voice[20:])) / 40
    always, half = steady_correlation(talks, voice), steady_correlation(chews, voice)
    assert always == pytest.approx(1.0)
    assert half is not None
    assert half < -0.3 < float(np.corrcoef(chews, voice)[0, 1])
    quiet_end = np.concatenate((voice[:20], np.full(20, voice.mean())))
    assert steady_correlation(talks, quiet_end) == correlation(talks, quiet_end)


def test_correlation_is_that_of_the_books() -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal(30), 20 * random.standard_normal(30)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert correlation(a, np.full(30, 12.0)) is None
    assert correlation(np.full(30, 0.2), b) is None


Moves = st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(-2.0, 2.0)), min_size=1, max_size=40)


@effort(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(1, 9), Moves, max_size=5),
    st.lists(st.floats(0.0, 60.0), max_size=100),
    st.none() | st.integers(1, 9),
)
def test_one_owner_or_none_and_never_somebody_who_is_silent(
    seen: dict[int, list[tuple[float, float]]], levels: list[float], before: int | None
) -> None:
    mouths = {}
    for track, moves in seen.items():
        mouths[track] = Mouth()
        for i, (moved, opening) in enumerate(moves):
            mouths[track].observe(i / FPS, moved, voice=True, opening=opening)
    now = 40 / FPS
    loudness = Loudness()
    loudness.hear(now, levels)
    owner = speaker(mouths, before, now, loudness)
    assert owner is None or owner in mouths
    if owner is not None:
        assert mouths[owner].movement(now) > 0.0
    assert speaker(mouths, before, now + WINDOW_S + 1.0, loudness) is None, "who is not seen speaks no more"
    assert speaker({track: Mouth() for track in seen}, before, now, loudness) is None
