"""Free memory goes back to the system: what a busy moment took would stay with the process for good.

And what was freed may still hold a picture; what the system takes back is wiped before anybody gets it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

EVERY_S = 3_600.0
SOON_S = 2.0  # what was ordered to be forgotten is forgotten by then


def trim() -> None:
    """Give all free pages back; does nothing where the C library is not GNU's. Takes milliseconds."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


class Memory:
    """When to give memory back. Belongs to the decision loop."""

    def __init__(self, now: float, give_back: Callable[[], None] = trim) -> None:
        self._due = now + EVERY_S
        self._give_back = give_back

    def soon(self, now: float) -> None:
        """Much was freed, or will be in a moment."""
        self._due = min(self._due, now + SOON_S)

    def look(self, now: float) -> None:
        """Give back what is free, if it is time."""
        if now >= self._due:
            self._due = now + EVERY_S
            self._give_back()
