"""Carries out a job: fetch a signed model, try it apart, use it, look at the service's health, go back if it is worse.

Run by whoever may write where models lie; for the installed service that is root, and nothing of what the service says
is believed but its health: a model is used only if somebody in the owner's list of signers signed it.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, ModelError
from edge.inference import MAX_BYTES
from edge.messages.job import Job, State
from edge.messages.payloads import HealthPayload
from edge.modelstore.package import MANIFEST, read_package
from edge.modelstore.signature import signer
from edge.modelstore.store import install, rollback

FPS_SHARE = 0.5  # of before: fewer frames than this is worse
LATENCY_TIMES, LATENCY_MS = 3.0, 500.0  # longer than both is worse
SILENT_S = 60.0  # without a sign of life after the start
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Look:
    """How the service was found."""

    pid: int
    sha256: str  # of the model in question, as the service uses it
    health: HealthPayload


Tell = Callable[[State, str], None]


def worse(before: Look | None, after: Look | None, sha256: str) -> str | None:
    """Why the service is worse off with the new model, if so. Without a look before only the rest counts."""
    if after is None:
        return "the service shows no sign of life"
    if after.sha256 != sha256:
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


def carry_out(
    job: Job,
    *,
    store: Path,
    signers: Path,
    look: Callable[[], Look | None],
    restart: Callable[[], None],
    tell: Tell,
    context: ssl.SSLContext | None = None,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> State:
    """Everything, and how it ended. `tell` hears each step; `look` is None while the service says nothing."""
    deadline = monotonic() + job.within_s
    tell("downloading", "")
    before = look()
    try:
        package, wanted = _fetched(job, signers, deadline, context, monotonic)
        tell("trying", "")
        install(package, store)
    except EdgeError as error:
        tell("refused", str(error))
        return "refused"
    try:
        restart()
        tell("watching", "")
        problem = _watched(job, before, wanted, look, sleep, monotonic)
    except EdgeError as error:
        problem = str(error)
    if problem is None:
        tell("done", "")
        return "done"
    try:
        rollback(job.model, store)
        restart()
    except EdgeError as error:
        tell("failed", f"{problem}; and it cannot be taken back: {error}")
        return "failed"
    tell("rolled back", problem)
    return "rolled back"


def _fetched(
    job: Job, signers: Path, deadline: float, context: ssl.SSLContext | None, monotonic: Callable[[], float]
) -> tuple[Any, str]:
    """The package, signed by somebody who is trusted, and the hash by which the service will know it."""
    raw = download(job.url, deadline, context, monotonic)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != job.sha256:
        raise ModelError(f"{job.url}: its sha256 is {digest}, not the one of the job")
    with tempfile.NamedTemporaryFile(suffix=".package") as file:
        file.write(raw)
        file.flush()
        package = read_package(Path(file.name))
    if package.head.name != job.model:
        raise ModelError(f"{job.url}: holds a model {package.head.name}, not {job.model}")
    if package.signature is None:
        raise ModelError(f"{job.url}: is not signed; a job installs signed models alone")
    signer(package.files[MANIFEST], package.signature, signers)
    return package, package.head.sha256 or hashlib.sha256(package.files[MANIFEST]).hexdigest()


def download(
    url: str, deadline: float, context: ssl.SSLContext | None, monotonic: Callable[[], float] = time.monotonic
) -> bytes:
    """What lies there, within bounds of size and time."""
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _OnlyHttps())
    parts, size = [], 0
    try:
        with opener.open(url, timeout=30.0) as answer:
            while part := answer.read(CHUNK):
                size += len(part)
                if size > MAX_BYTES:
                    raise ModelError(f"{url}: is larger than {MAX_BYTES // 1_000_000} MB")
                if monotonic() > deadline:
                    raise ModelError(f"{url}: was not there within the job's time")
                parts.append(part)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ModelError(f"{url}: cannot be fetched: {getattr(error, 'reason', None) or error}") from None
    return b"".join(parts)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> Any:
        if not str(given[-1]).startswith("https://"):
            raise urllib.error.URLError("it is redirected to a place without https")
        return super().redirect_request(*given)


def _watched(  # noqa: PLR0917
    job: Job,
    before: Look | None,
    wanted: str,
    look: Callable[[], Look | None],
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
) -> str | None:
    """What is worse, as of the end of the watch; a service that never shows up is not waited for so long."""
    begins = monotonic()
    after = None
    while monotonic() - begins < max(job.watch_s, SILENT_S if after is None else 0.0):
        sleep(1.0)
        with suppress(EdgeError):
            found = look()
            after = found if found is not None and (before is None or found.pid != before.pid) else after
    return worse(before, after, wanted)
