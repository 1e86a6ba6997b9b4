"""Whether the service is worse off than before something new was installed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge.errors import EdgeError
from edge.messages.job import State
from edge.messages.payloads import HealthPayload

FPS_SHARE = 0.5  # of before: fewer frames than this is worse
LATENCY_TIMES, LATENCY_MS = 3.0, 500.0  # longer than both is worse
SILENT_S = 60.0  # without a sign of life after the start


@dataclass(frozen=True, slots=True)
class Look:
    """How the service was found."""

    pid: int
    sha256: str  # of the model in question, as the service uses it
    health: HealthPayload


Tell = Callable[[State, str], None]  # a step, and why


def watched(
    watch_s: float,
    before: Look | None,
    look: Callable[[], Look | None],
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Look | None:
    """The new process at the end of the watch; one that never shows up is not waited for so long."""
    begins = monotonic()
    after = None
    while monotonic() - begins < max(watch_s, SILENT_S if after is None else 0.0):
        sleep(1.0)
        with suppress(EdgeError):
            found = look()
            after = found if found is not None and (before is None or found.pid != before.pid) else after
    return after


def worse(before: Look | None, after: Look | None, sha256: str | None = None) -> str | None:
    """Why the service is worse off, if so; `sha256` is the model it should use. Without a look before only the rest
    counts."""
    if after is None:
        return "the service shows no sign of life"
    if sha256 is not None and after.sha256 != sha256:
        return "the service does not use it; its log says why"
    if after.health.restarts:
        return f"threads had to be started again: {', '.join(sorted(after.health.restarts))}"
    return None if before is None else _worse_than(before.health, after.health)


def _worse_than(was: HealthPayload, is_now: HealthPayload) -> str | None:
    if is_now.fps < FPS_SHARE * was.fps:
        return f"frames a second fell from {was.fps:g} to {is_now.fps:g}"
    if was.latency_ms and is_now.latency_ms:
        p95 = is_now.latency_ms.p95
        if p95 > LATENCY_MS and p95 > LATENCY_TIMES * was.latency_ms.p95:
            return f"the delay rose from {was.latency_ms.p95:g} to {p95:g} ms"
    if is_now.thinned and not was.thinned:
        return f"the device cannot keep up: {is_now.thinned}"
    return None
