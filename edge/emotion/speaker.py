"""Who speaks: the face whose mouth moves with the voice. A voice belongs to one person or to nobody.

A mouth must move more than it does in silence, and open with the loudness of the voice, a moment before or after it. A
few numbers a frame for each face, kept for some seconds. Nobody is recognised: a voice that no mouth goes with is the
room's, be it a television or somebody out of view.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.readings import LEVEL_S

WINDOW_S = 2.0  # that decides: short enough that two people in dialogue change within two seconds
DECIDE_S = 0.25
_APART_S = 0.098  # of two openings that are compared, whatever the rate of frames is
_MOST, _MOST_OPENED = 0.12, 0.4  # beyond which more adds nothing: a jerk of the head is no longer word
_SPEAKS = 0.026  # what a mouth does that speaks; one that is still stays below, whatever the head does
_GOES_ON = 0.6  # of that, for whoever has the voice already
_TOGETHER, _STILL_TOGETHER = 0.2, 0.1  # agreement with the voice's loudness to get the voice, and to keep it
_HALF = 0.5  # added to the correlation: what a mouth's movement counts for while nothing is known of loudness
_LEAST, _MOST_FACTOR = 0.2, 1.5
_CLEAR = 1.3  # times the score of any other mouth: or the voice stays with whom it was
_SILENT_S = 4.0  # time constant
_FORGET_S = 4.0
_LAGS_S = (-0.1, 0.0, 0.1, 0.2, 0.3)  # of the sound behind the picture: lips are early, cameras and microphones late
_ENOUGH = 6  # moments of which both picture and sound are known
_FLAT_DB, _SHUT = 1.0, 1e-6  # a level, and an opening, that varies less tells nothing

Reals = NDArray[np.float64]


class _Seen(NamedTuple):
    """A mouth in one frame."""

    time: float
    moved: float
    opening: float
    opened: float  # or closed, within a tenth of a second


class Loudness:
    """How loud the sound was lately, in dB above the room's noise."""

    def __init__(self) -> None:
        self._levels: deque[tuple[float, float]] = deque(maxlen=round((WINDOW_S + 2.0) / LEVEL_S))

    def hear(self, end: float, levels: Sequence[float]) -> None:
        """Levels of every LEVEL_S up to `end`."""
        begin = end - len(levels) * LEVEL_S
        self._levels.extend((begin + (i + 0.5) * LEVEL_S, level) for i, level in enumerate(levels))

    def known(self) -> tuple[Reals, Reals]:
        """Times and levels, these smoothed as a mouth would follow them."""
        if not self._levels:
            return np.empty(0), np.empty(0)
        times, levels = np.array(self._levels).T
        return times, np.convolve(levels, np.full(4, 0.25), "same")


class Mouth:
    """How much one mouth moved lately, and how far it was open."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque(maxlen=160)
        self._silent = self._silent_opened = 0.0  # in silence: what the camera's noise and the head make of it

    def observe(self, now: float, movement: float, *, voice: bool, opening: float = 0.0) -> None:
        """`movement` within the last tenth of a second, and how far it is open; `voice`: somebody is heard."""
        if self._seen and now <= self._seen[-1].time:
            return
        before = next((each for each in reversed(self._seen) if now - each.time >= _APART_S), None)
        opened = 0.0 if before is None else min(abs(opening - before.opening), _MOST_OPENED)
        moved = min(max(movement, 0.0), _MOST)
        if self._seen and not voice:
            share = min(1.0, min(now - self._seen[-1].time, 1.0) / _SILENT_S)
            self._silent += share * (moved - self._silent)
            self._silent_opened += share * (opened - self._silent_opened)
        self._seen.append(_Seen(now, moved, opening, opened))
        while now - self._seen[0].time > _FORGET_S:
            self._seen.popleft()

    def movement(self, now: float) -> float:
        """Over the last moments, beyond that in silence; 0 where it was not seen.

        What moves there and how far it opens are two views of one thing, each with faults of its own: both must say so.
        """
        lately = [each for each in self._seen if 0.0 <= now - each.time <= WINDOW_S]
        if not lately:
            return 0.0
        moved = max(0.0, _typical([each.moved for each in lately]) - self._silent)
        opened = max(0.0, _typical([each.opened for each in lately]) - self._silent_opened)
        return math.sqrt(moved * opened)

    def agreement(self, now: float, times: Reals, levels: Reals) -> float | None:
        """How well its opening goes with the loudness of the voice, -1 to 1; None: too little is known."""
        seen = np.array([(each.time, each.opening) for each in self._seen if 0.0 <= now - each.time <= WINDOW_S])
        if len(seen) < _ENOUGH or len(times) < _ENOUGH or not np.ptp(seen[:, 1]):
            return None
        found = [
            steady_correlation(seen[known, 1], np.interp(at[known], times, levels))
            for at in (seen[:, 0] + lag for lag in _LAGS_S)
            for known in [(at >= times[0]) & (at <= times[-1])]
            if known.sum() >= _ENOUGH
        ]
        agreeing = [each for each in found if each is not None]
        return max(agreeing, default=None)


def _typical(values: Sequence[float]) -> float:
    """Between mean and median: a blink or a jerk counts little, and so does a pause."""
    return (float(np.median(values)) + sum(values) / len(values)) / 2


def correlation(opening: Reals, loud: Reals) -> float | None:
    """Of two equally long series, -1 to 1; None where one of them hardly varies."""
    opening, loud = opening - opening.mean(), loud - loud.mean()
    own, its = float(opening @ opening), float(loud @ loud)
    if its < len(loud) * _FLAT_DB**2 or own < len(opening) * _SHUT**2:
        return None
    return float(opening @ loud) / math.sqrt(own * its)


def steady_correlation(opening: Reals, loud: Reals) -> float | None:
    """The mean of the correlation and of the worse one of both halves: what goes with a voice goes on doing so.

    A mouth that chews goes with a strange voice for a second by chance, and then against it.
    """
    whole, half = correlation(opening, loud), len(opening) // 2
    if whole is None:
        return None
    first, second = correlation(opening[:half], loud[:half]), correlation(opening[half:], loud[half:])
    return whole if first is None or second is None else (whole + min(first, second)) / 2


def speaker(
    mouths: Mapping[int, Mouth], before: int | None, now: float, loudness: Loudness | None = None
) -> int | None:
    """Whose voice is heard at `now`, by track, or None; `before` had it until now."""
    times, levels = loudness.known() if loudness is not None else (np.empty(0), np.empty(0))
    scores, speaking = {}, {}
    for track, mouth in mouths.items():
        moved = mouth.movement(now)
        enough = _SPEAKS * (_GOES_ON if track == before else 1.0)
        together = mouth.agreement(now, times, levels) if moved >= _SPEAKS * _GOES_ON else None
        factor = 1.0 if together is None else min(_MOST_FACTOR, max(_LEAST, _HALF + together))
        scores[track] = moved * factor
        least = _STILL_TOGETHER if track == before else _TOGETHER
        if moved >= enough and (together is None or together >= least):
            speaking[track] = scores[track]
    if not speaking:
        return None
    most = max(speaking, key=lambda track: (speaking[track], -track))
    others = max((score for track, score in scores.items() if track != most), default=0.0)
    if speaking[most] >= _CLEAR * others:
        return most
    return before if before in speaking else None
