"""Is the wall clock to be trusted? A board without a battery clock starts in the past until NTP answers."""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path

PLAUSIBLE = 1_704_067_200.0  # 2024-01-01: before that, nobody has set the clock
_MARKER = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR = 5  # what adjtimex returns while the kernel's clock is not synchronised
_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64-bit Linux; all zeros asks without changing anything


def synced(wall: float, kernel: bool | None, marker: bool) -> bool:
    """The rule. `kernel` is None where nobody can be asked; `marker` is systemd-timesyncd's word."""
    return wall >= PLAUSIBLE and (marker or kernel is not False)


def system_synced() -> bool:
    """The rule, asked of this machine."""
    return synced(time.time(), _kernel_synced(), _MARKER.exists())


def _kernel_synced() -> bool | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
