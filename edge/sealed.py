"""What the process does so that nothing of its memory or its files is left for others to read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4  # <sys/prctl.h>


def seal() -> None:
    """No core dump, though a handler may ignore the limit; no look at our memory by others of our user; files 0600."""
    os.umask(0o077)
    with contextlib.suppress(OSError, ValueError):  # the unit forbids the call and has set the limit itself
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
