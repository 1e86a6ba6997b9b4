"""Who speaks: the face whose mouth moves while the voice is heard. A voice belongs to one person or to nobody.

A few numbers a frame for each face, kept for some seconds. Nobody is recognised: a voice that no mouth goes with is
the room's, be it a television or somebody out of view.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW_S = 1.5  # of mouth movement that decides: short enough that two people in dialogue change within two seconds
_MOST = 0.12  # movement of a frame beyond which more adds nothing: a jerk of the head is no longer word
_SPEAKS = 0.016  # mean movement of a mouth that speaks
_KEEPS = 1.4  # whoever has the voice keeps it until another's mouth moves so many times as much
_FORGET_S = 4.0


class Mouth:
    """How much one mouth moved lately."""

    def __init__(self) -> None:
        self._moved: deque[tuple[float, float]] = deque(maxlen=160)

    def observe(self, now: float, movement: float) -> None:
        """`movement` between the last two frames."""
        if self._moved and now <= self._moved[-1][0]:
            return
        self._moved.append((now, min(max(movement, 0.0), _MOST)))
        while now - self._moved[0][0] > _FORGET_S:
            self._moved.popleft()

    def movement(self, now: float) -> float:
        """Its mean over the last moments; 0 where it was not seen."""
        moved = [movement for time, movement in self._moved if 0.0 <= now - time <= WINDOW_S]
        return sum(moved) / len(moved) if moved else 0.0


def speaker(mouths: Mapping[int, Mouth], before: int | None, now: float) -> int | None:
    """Whose voice is heard at `now`, by track, or None; `before` had it until now."""
    moving = {track: mouth.movement(now) for track, mouth in mouths.items()}
    speaking = {track: movement for track, movement in moving.items() if movement >= _SPEAKS}
    if not speaking:
        return None
    most = max(speaking, key=lambda track: (speaking[track], -track))
    if before in speaking and speaking[most] < _KEEPS * speaking[before]:
        return before
    return most
