"""Who speaks: the face whose mouth moves with the voice. A voice belongs to one person or to nobody.

A mouth must move more than it does in silence, and open with the loudness of the voice, a moment before or after it. A
few numbers a frame for each face, kept for some seconds. Nobody is recognised: a voice that no mouth goes with is the
room's, be it a television or somebody out of view.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.readings import LEVEL_S

WINDOW_S = 2.0  # that decides: short enough that two people in dialogue change within two seconds
DECIDE_S = 0.25
_MOST = 0.12  # movement of a frame beyond which more adds nothing: a jerk of the head is no longer word
SPEAKS = 0.012  # movement of a mouth that speaks; one that is still stays below, whatever the head does
_GOES_ON = 0.6  # of that, for whoever has the voice already
_TOGETHER, _STILL_TOGETHER = 0.2, 0.0  # correlation with the voice's loudness to get the voice, and to keep it
_HALF = 0.5  # added to the correlation: what a mouth's movement counts for while nothing is known of loudness
_LEAST, _MOST_FACTOR = 0.2, 1.5
_CLEAR = 1.3  # times the score of any other mouth: or the voice stays with whom it was
_SILENT_S = 4.0  # time constant
_FORGET_S = 4.0
_LAGS_S = (-0.1, 0.0, 0.1, 0.2, 0.3)  # of the sound behind the picture: lips are early, cameras and microphones late
_ENOUGH = 6  # moments of which both picture and sound are known
_FLAT_DB = 1.0  # a level that varies less tells nothing

Reals = NDArray[np.float64]


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
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=160)
        self._silent = 0.0  # its movement while nobody speaks: what the camera's noise and the head make of it

    def observe(self, now: float, movement: float, *, voice: bool, opening: float = 0.0) -> None:
        """`movement` between the last two frames, and how far it is open; `voice`: somebody is heard."""
        if self._seen and now <= self._seen[-1][0]:
            return
        moved = min(max(movement, 0.0), _MOST)
        if self._seen and not voice:
            seconds = min(now - self._seen[-1][0], 1.0)
            self._silent += min(1.0, seconds / _SILENT_S) * (moved - self._silent)
        self._seen.append((now, moved, opening))
        while now - self._seen[0][0] > _FORGET_S:
            self._seen.popleft()

    def movement(self, now: float) -> float:
        """Over the last moments, beyond that in silence; 0 where it was not seen. A blink or a jerk counts little."""
        moved = [movement for time, movement, _ in self._seen if 0.0 <= now - time <= WINDOW_S]
        return max(0.0, (float(np.median(moved)) + sum(moved) / len(moved)) / 2 - self._silent) if moved else 0.0

    def agreement(self, now: float, times: Reals, levels: Reals) -> float | None:
        """The best correlation of its opening with the loudness of the voice, -1 to 1; None: too little is known."""
        seen = np.array([(time, opening) for time, _, opening in self._seen if 0.0 <= now - time <= WINDOW_S])
        if len(seen) < _ENOUGH or len(times) < _ENOUGH or not np.ptp(seen[:, 1]):
            return None
        found = [
            correlation(seen[known, 1], np.interp(at[known], times, levels))
            for at in (seen[:, 0] + lag for lag in _LAGS_S)
            for known in [(at >= times[0]) & (at <= times[-1])]
            if known.sum() >= _ENOUGH
        ]
        agreeing = [each for each in found if each is not None]
        return max(agreeing, default=None)


def correlation(opening: Reals, loud: Reals) -> float | None:
    """Of two equally long series, -1 to 1; None where one of them hardly varies."""
    if np.std(loud) < _FLAT_DB or not np.std(opening):
        return None
    opening, loud = opening - opening.mean(), loud - loud.mean()
    return float(opening @ loud / np.sqrt((opening @ opening) * (loud @ loud)))


def speaker(
    mouths: Mapping[int, Mouth], before: int | None, now: float, loudness: Loudness | None = None
) -> int | None:
    """Whose voice is heard at `now`, by track, or None; `before` had it until now."""
    times, levels = loudness.known() if loudness is not None else (np.empty(0), np.empty(0))
    scores, speaking = {}, {}
    for track, mouth in mouths.items():
        moved = mouth.movement(now)
        enough = SPEAKS * (_GOES_ON if track == before else 1.0)
        together = mouth.agreement(now, times, levels) if moved >= SPEAKS * _GOES_ON else None
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
