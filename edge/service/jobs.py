"""Between the fleet's jobs and whoever carries them out on this device, `emotion-edge update`: two files.

The service may not write where models lie, and reaches nothing but its broker: it puts the job into its state folder,
and publishes what the other one says about it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.device import paths
from edge.device.files import folder_owner, write_atomically
from edge.messages.document import Unreadable
from edge.messages.job import parse
from edge.messages.payloads import HealthPayload, JobPayload

log = logging.getLogger(__name__)


class Progress(msgspec.Struct, frozen=True):
    """What `emotion-edge update` writes."""

    job: str
    state: str
    reason: str = ""
    earlier: tuple[str, ...] = ()  # jobs that were carried out before it, the newest last


class Condition(msgspec.Struct, frozen=True):
    """How the service is, for `emotion-edge update`; in memory, replaced with each `health`."""

    pid: int
    models: dict[str, dict[str, str]]
    health: HealthPayload


class JobMailbox:
    """Belongs to the decision loop."""

    def __init__(self, state: Path, tenant: str | None, tell: Callable[[JobPayload], None]) -> None:
        self._job = paths.job_file(state)
        self._progress = paths.job_progress(state)
        self._condition = paths.condition_file(state)
        self._tenant = tenant
        self._tell = tell
        self._seen = 0

    def take(self, payload: bytes) -> None:
        """A job has come, or is taken back."""
        try:
            job = parse(payload, self._tenant)
        except Unreadable as unreadable:
            log.warning("job refused: %s", unreadable)
            self._tell(JobPayload(job="", state="refused", reason=str(unreadable)))
            return
        try:
            if job is None:
                self._job.unlink(missing_ok=True)
            elif not self._job.exists() or self._job.read_bytes() != payload:  # the broker shows it on every connect
                write_atomically(self._job, payload, owner=folder_owner(self._job.parent))
                self._tell(JobPayload(job=job.job, state="waiting"))
        except OSError as error:
            log.warning("%s: the job cannot be kept: %s", self._job, error.strerror)

    def look(self) -> None:
        """Publish what has become of the job since the last look."""
        try:
            changed = self._progress.stat().st_mtime_ns
            if changed == self._seen:
                return
            self._seen = changed
            said = msgspec.json.decode(self._progress.read_bytes(), type=Progress)
            self._tell(msgspec.convert({"job": said.job, "state": said.state, "reason": said.reason}, JobPayload))
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return

    def show(self, condition: Condition) -> None:
        """How the service is, for whoever installs."""
        try:
            write_atomically(self._condition, msgspec.json.encode(condition), mode=0o644)
        except OSError as error:
            log.debug("%s: %s", self._condition, error)
