"""Keeps the process's memory, and with it pictures and sound, out of the swap space on disk."""

from __future__ import annotations

import ctypes
import resource

_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4  # <sys/mman.h>; on fault: what is reserved and never touched costs nothing


def keep_out_of_swap() -> bool:
    """Lock all memory, now and later. False, and nothing done, where that is limited (`ulimit -l`); the unit is not."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        return False  # under a limit, memory that is asked for later would be refused
    try:
        return int(ctypes.CDLL(None).mlockall(_CURRENT | _FUTURE | _ON_FAULT)) == 0
    except (OSError, AttributeError):
        return False
