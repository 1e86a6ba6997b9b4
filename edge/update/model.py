"""Carries out a job about a model: fetch it, try it apart, use it, look at the health, go back if the service is worse.

Run by whoever may write where models lie; for the installed service that is root, and nothing of what the service says
is believed but its health: a model is used only if somebody in the owner's list of signers signed it.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge.errors import EdgeError, ModelError
from edge.inference import MAX_BYTES
from edge.messages.job import ModelJob, State
from edge.modelstore.package import MANIFEST, Package, read_package
from edge.modelstore.signature import signer
from edge.modelstore.store import install, rollback
from edge.update.download import download
from edge.update.health import Look, Tell, watched, worse


def carry_out(
    job: ModelJob,
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
        problem = worse(before, watched(job.watch_s, before, look, sleep, monotonic), wanted)
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
    job: ModelJob, signers: Path, deadline: float, context: ssl.SSLContext | None, monotonic: Callable[[], float]
) -> tuple[Package, str]:
    """The package, signed by somebody who is trusted, and the hash by which the service will know it."""
    with tempfile.NamedTemporaryFile(suffix=".package") as file:
        digest = download(job.url, file, most=MAX_BYTES, deadline=deadline, context=context, monotonic=monotonic)
        if digest != job.sha256:
            raise ModelError(f"{job.url}: its sha256 is {digest}, not the one of the job")
        file.flush()
        package = read_package(Path(file.name))
    if package.head.name != job.model:
        raise ModelError(f"{job.url}: holds a model {package.head.name}, not {job.model}")
    if package.signature is None:
        raise ModelError(f"{job.url}: is not signed; a job installs signed models alone")
    signer(package.files[MANIFEST], package.signature, signers)
    return package, package.head.sha256 or hashlib.sha256(package.files[MANIFEST]).hexdigest()
