"""A message that waits, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass

_OVERHEAD = 96  # what a row costs on disk beside its text: columns, key, index entry


@dataclass(frozen=True, slots=True)
class Row:
    """A message as it would have been sent, and when that was."""

    id: int  # counts up over all sessions
    rank: int  # the lowest is thinned first
    topic: str  # below the base
    text: bytes
    session: str
    monotonic: float  # of capture; means something only within `session`
    wall: float  # of capture
    synced: bool  # was the wall clock known good

    @property
    def size(self) -> int:
        return len(self.text) + len(self.topic) + _OVERHEAD


@dataclass(frozen=True, slots=True)
class Now:
    """This session and its clocks."""

    session: str
    began: float  # monotonic
    monotonic: float
    wall: float | None  # None while the wall clock is not trusted


def age(session: str, monotonic: float, wall: float | None, now: Now) -> float:
    """Seconds since capture, as far as can be known; `wall` is None if it was not trusted then.

    Within a session the monotonic clock knows. Of an earlier one the wall clock does, if it was right then and is now;
    else the message is at least as old as this session.
    """
    if session == now.session:
        return now.monotonic - monotonic
    if wall is not None and now.wall is not None:
        return now.wall - wall
    return now.monotonic - now.began
