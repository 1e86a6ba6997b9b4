"""Device health: CPU, memory, rates and latencies of this process."""

from __future__ import annotations

import os
import resource
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.device.board import Board
from edge.device.clock import Clock
from edge.messages.payloads import HealthPayload, Latency
from edge.messages.status import BrokerStatus
from edge.service.inbox import Inbox
from edge.service.senses import CameraSense, MicrophoneSense

if TYPE_CHECKING:  # imported where it is switched on
    from edge.service.history import HistoryRecorder


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


class HealthMonitor:
    """Gathers what `health` tells. Belongs to the decision loop, which calls `sample` once a second."""

    def __init__(
        self,
        board: Board,
        clock: Clock,
        inbox: Inbox,
        *,
        sight: CameraSense | None,
        hearing: MicrophoneSense | None,
        broker: Callable[[], BrokerStatus],
        history: HistoryRecorder | None = None,
        restarts: Callable[[], dict[str, int]],
    ) -> None:
        self.latencies = Latencies()
        self.cpu_percent = 0.0
        self._board = board
        self._clock = clock
        self._inbox = inbox
        self._sight = sight
        self._hearing = hearing
        self._broker = broker
        self._history = history
        self._restarts = restarts
        self._cpu = CpuMeter(clock.monotonic())
        self._started = clock.monotonic()
        self._frames_told = (self._started, 0)

    def sample(self) -> None:
        """Measure the CPU share since the last call."""
        self.cpu_percent = self._cpu.percent(self._clock.monotonic())

    def report(self, *, thinned: str) -> HealthPayload:
        """How it fares, now; `thinned` says what the work budget leaves out."""
        now = self._clock.monotonic()
        broker = self._broker()
        taken = self._sight.slot.taken if self._sight else 0
        then, before = self._frames_told
        if now - then >= 1.0:
            self._frames_told = (now, taken)
        return HealthPayload(
            uptime_s=round(now - self._started, 1),
            fps=round((taken - before) / (now - then), 2) if now > then else 0.0,
            frames=taken,
            frames_dropped=self._sight.slot.dropped if self._sight else 0,
            sound_dropped_s=round(self._hearing.queue.dropped_s, 2) if self._hearing else 0.0,
            readings_dropped=self._inbox.readings_dropped,
            queue=len(self._inbox),
            latency_ms=self.latencies.summary(),
            cpu_percent=round(self.cpu_percent, 1),
            rss_mb=round(resident_mb(), 1),
            temperature_c=self._board.temperature(),
            throttled=self._board.throttled(),
            outbox=broker.outbox,
            disk_bytes_today=broker.disk_bytes_today + (self._history.bytes_today if self._history else 0),
            degraded=broker.degraded or (self._history.trouble if self._history else ""),
            lost=broker.dropped,
            commands_refused=broker.commands_refused,
            sent_bytes_today=broker.sent_bytes_today,
            connections=broker.connections,
            restarts=self._restarts(),
            thinned=thinned,
        )
