"""How the process fares: CPU, memory, rates and latencies."""

from __future__ import annotations

import os
import resource
from collections import deque

from edge.messages.payloads import Latency


class CpuMeter:
    """Share of one core since the last look, in percent."""

    def __init__(self, now: float) -> None:
        self._then = now
        self._used = _cpu_seconds()

    def percent(self, now: float) -> float:
        used = _cpu_seconds()
        seconds = now - self._then
        share = 100.0 * (used - self._used) / seconds if seconds > 0.0 else 0.0
        self._then, self._used = now, used
        return max(share, 0.0)


class Latencies:
    """The last thousand, as percentiles."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=1000)

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def summary(self) -> Latency | None:
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        return Latency(median=round(1000 * percentile(ordered, 0.5), 2), p95=round(1000 * percentile(ordered, 0.95), 2))


def percentile(ordered: list[float], fraction: float) -> float:
    """Of values in order; the nearest one."""
    return ordered[min(round(fraction * (len(ordered) - 1)), len(ordered) - 1)]


def resident_mb() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - called every second, no detour
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
