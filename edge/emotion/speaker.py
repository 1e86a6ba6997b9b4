"""Who speaks: the face whose mouth moves while the voice is heard. A voice belongs to one person or to nobody.

A few numbers a frame for each face, kept for some seconds. Nobody is recognised: a voice that no mouth goes with is
the room's, be it a television or somebody out of view.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW_S = 1.5  # of mouth movement that decides: short enough that two people in dialogue change within two seconds
_MOST = 0.12  # movement of a frame beyond which more adds nothing: a jerk of the head is no longer word
_SPEAKS = 0.012  # mean movement of a mouth that speaks; one that is still stays below, whatever the head does
_CLEAR = 1.5  # times the movement of any other mouth: or the voice stays with whom it was
_SILENT_S = 4.0  # time constant
_FORGET_S = 4.0


class Mouth:
    """How much one mouth moved lately."""

    def __init__(self) -> None:
        self._moved: deque[tuple[float, float]] = deque(maxlen=160)
        self._silent = 0.0  # its movement while nobody speaks: what the camera's noise and the head make of it

    def observe(self, now: float, movement: float, *, voice: bool) -> None:
        """`movement` between the last two frames; `voice`: somebody is heard."""
        if self._moved and now <= self._moved[-1][0]:
            return
        moved = min(max(movement, 0.0), _MOST)
        if self._moved and not voice:
            seconds = min(now - self._moved[-1][0], 1.0)
            self._silent += min(1.0, seconds / _SILENT_S) * (moved - self._silent)
        self._moved.append((now, moved))
        while now - self._moved[0][0] > _FORGET_S:
            self._moved.popleft()

    def movement(self, now: float) -> float:
        """Its mean over the last moments, beyond that in silence; 0 where it was not seen."""
        moved = [movement for time, movement in self._moved if 0.0 <= now - time <= WINDOW_S]
        return max(0.0, sum(moved) / len(moved) - self._silent) if moved else 0.0


def speaker(mouths: Mapping[int, Mouth], before: int | None, now: float) -> int | None:
    """Whose voice is heard at `now`, by track, or None; `before` had it until now."""
    moving = {track: mouth.movement(now) for track, mouth in mouths.items()}
    speaking = {track: movement for track, movement in moving.items() if movement >= _SPEAKS}
    if not speaking:
        return None
    most = max(speaking, key=lambda track: (speaking[track], -track))
    others = max((movement for track, movement in moving.items() if track != most), default=0.0)
    if speaking[most] >= _CLEAR * others:
        return most
    return before if before in speaking else None
