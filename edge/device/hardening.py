"""What the process does so that nothing of its memory or its files is left for others to read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Callable

_PR_SET_DUMPABLE = 4  # <sys/prctl.h>
_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4  # <sys/mman.h>; on fault: what is reserved and never touched costs nothing

TRIM_EVERY_S = 3_600.0
TRIM_SOON_S = 2.0  # what was ordered to be forgotten is forgotten by then


def forbid_dumps() -> None:
    """No core dump, though a handler may ignore the limit; no look at our memory by others of our user; files 0600."""
    os.umask(0o077)
    with contextlib.suppress(OSError, ValueError):  # the unit forbids the call and has set the limit itself
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_out_of_swap() -> bool:
    """Lock all memory, now and later. False, and nothing done, where that is limited (`ulimit -l`); the unit is not."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False  # under a limit, memory that is asked for later would be refused
    try:
        return int(ctypes.CDLL(None).mlockall(_CURRENT | _FUTURE | _ON_FAULT)) == 0
    except (OSError, AttributeError):
        return False


def trim_heap() -> None:
    """Give all free pages back to the system, which wipes them; does nothing where the C library is not GNU's.

    What was freed may still hold a picture, and what a busy moment took would stay with the process for good.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


class HeapTrimmer:
    """When to give free memory back. Belongs to the decision loop."""

    def __init__(self, now: float, trim: Callable[[], None] = trim_heap) -> None:
        self._due = now + TRIM_EVERY_S
        self._trim = trim

    def trim_soon(self, now: float) -> None:
        """Much was freed, or will be in a moment."""
        self._due = min(self._due, now + TRIM_SOON_S)

    def tick(self, now: float) -> None:
        """Give back what is free, if it is time. Takes milliseconds."""
        if now >= self._due:
            self._due = now + TRIM_EVERY_S
            self._trim()
