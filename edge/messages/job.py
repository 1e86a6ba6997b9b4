"""A job for one device: install a model or package. The document says what; that it may be trusted, the signature says.

fleet/door/job    {"v": 1, "job": "face-4", "model": "face", "url": "https://...", "sha256": "...", "within_s": 900}
                  {"v": 1, "job": "edge-2", "packages": [{"version": "0.2.0~deb13", "architecture": "arm64", ...}]}
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.messages.document import Addressed, convert, decode
from edge.messages.payloads import JobState

MAX_BYTES = 8_000
FINAL = ("done", "refused", "rolled back", "failed")
Url = Annotated[str, Meta(pattern=r"^https://[^\s]{1,500}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
State = JobState  # as `job` tells it


class Job(Addressed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every job says: its name, and how long all of it may take."""

    job: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    within_s: Annotated[float, Meta(ge=10, le=86_400)] = 900.0
    watch_s: Annotated[float, Meta(ge=1, le=3_600)] = 120.0  # how long the device looks at its own health afterwards


class ModelJob(Job, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model to install."""

    model: Literal["finder", "face", "speech", "text", "fusion"]
    url: Url
    sha256: Sha256


class PackageFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The package for one architecture and release; the release is in the version."""

    version: Annotated[str, Meta(pattern=r"^[0-9][A-Za-z0-9.+~-]{0,62}$")]
    architecture: Annotated[str, Meta(pattern=r"^[a-z0-9]{2,16}$")]
    url: Url
    sha256: Sha256


class PackageJob(Job, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Debian package of ours to install: one of these, whichever is made for the device."""

    packages: Annotated[tuple[PackageFile, ...], Meta(min_length=1, max_length=8)]


def parse(payload: bytes, tenant: str | None) -> ModelJob | PackageJob | None:
    """The job; None for an empty message, which takes it back. Unreadable says why it is refused."""
    if not payload.strip():
        return None
    raw = decode(payload, "job", MAX_BYTES)
    if isinstance(raw, dict) and "packages" in raw:
        return convert(raw, PackageJob, "job", tenant)
    return convert(raw, ModelJob, "job", tenant)
