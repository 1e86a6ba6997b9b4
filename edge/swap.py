"""Keeps the process's memory, and with it pictures and sound, out of the swap space on disk."""

from __future__ import annotations

import ctypes

_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4  # <sys/mman.h>; on fault: what is reserved and never touched costs nothing


def keep_out_of_swap() -> bool:
    """Lock all memory, now and later. False where the system does not allow it (`ulimit -l`); the unit does."""
    try:
        return ctypes.CDLL(None, use_errno=True).mlockall(_CURRENT | _FUTURE | _ON_FAULT) == 0
    except (OSError, AttributeError):
        return False
