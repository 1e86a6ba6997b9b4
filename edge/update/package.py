"""Carries out a job about the package: fetch it, try it apart, keep a way back, install it, look at the health.

Run by root. What the service was told is not believed: a package is installed only if somebody in the owner's list of
package signers signed it, if it is ours, made for this system, newer than what is here, and changes no other package.
While it is under way a note lies in `folder` beside the way back: whatever interrupts it, the next start of the unit
goes back, without any code of the new version, and leaves another note, of which `taken_back` tells.
"""

from __future__ import annotations

import io
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge.device.files import make_folder, write_atomically
from edge.errors import EdgeError, UpdateError
from edge.messages.job import PackageFile, PackageJob, State
from edge.modelstore.signature import signer
from edge.modelstore.store import NAMES
from edge.printable import printable
from edge.update.download import download
from edge.update.dpkg import NAME, Dpkg
from edge.update.health import Look, Tell, watched, worse

NAMESPACE = "emotion-edge-package"  # a signature of a model installs no package
MAX_BYTES, MAX_SIGNATURE = 1_000_000_000, 16_384
PREVIOUS, UNDER_WAY, TAKEN_BACK = "previous.deb", "under-way", "taken-back"  # the unit knows these names too
_TRY_S = 180.0


@dataclass(frozen=True, slots=True)
class UpgradePlace:
    """Where it is done: root's folder for files, the list of signers, the service's config and its user."""

    folder: Path
    signers: Path
    config: Path
    user: tuple[int, int] | None  # uid and gid with which the new version is tried; None: as we are


def carry_out(
    job: PackageJob,
    place: UpgradePlace,
    dpkg: Dpkg,
    *,
    look: Callable[[], Look | None],
    tell: Tell,
    context: ssl.SSLContext | None = None,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> State:
    """Everything, and how it ended. The package itself starts the service again."""
    tell("downloading", "")
    before = look()
    make_folder(place.folder, 0o755)
    previous, new = place.folder / PREVIOUS, place.folder / "new.deb"
    try:
        here = dpkg.installed()
        file = chosen(job, dpkg.architecture(), here)
        if file.version == here:
            tell("done", f"{here} is here already")
            return "done"
        if not dpkg.newer(file.version, than=here):
            raise UpdateError(f"{file.version} is older than {here}, which is here; a job does not go back")
        _fetch(file, new, place.signers, monotonic() + job.within_s, context, monotonic)
        tell("trying", "")
        _try(file, new, place, dpkg)
        with _scratch(place.folder) as stage:
            dpkg.keep(stage, previous)
        write_atomically(place.folder / UNDER_WAY, job.job)
    except (EdgeError, OSError) as error:
        new.unlink(missing_ok=True)
        tell("refused", str(error))
        return "refused"
    try:
        dpkg.install(new)
        tell("watching", "")
        problem = worse(before, watched(job.watch_s, before, look, sleep, monotonic))
    except EdgeError as error:
        problem = str(error)
    new.unlink(missing_ok=True)
    if problem is None:
        _over(place.folder)
        tell("done", "")
        return "done"
    return _back(problem, place.folder, dpkg, tell)


def taken_back(folder: Path) -> str | None:
    """The job that the unit took back because it was interrupted, such as by a power cut; told once."""
    try:
        job = (folder / TAKEN_BACK).read_text("utf-8")
    except FileNotFoundError:
        return None
    for name in (TAKEN_BACK, PREVIOUS):
        (folder / name).unlink(missing_ok=True)
    return job


def _back(problem: str, folder: Path, dpkg: Dpkg, tell: Tell) -> State:
    try:
        dpkg.install(folder / PREVIOUS)
    except EdgeError as error:  # the note stays: the next start tries again
        tell("failed", f"{problem}; and it cannot be taken back: {error}")
        return "failed"
    _over(folder)
    tell("rolled back", problem)
    return "rolled back"


def _over(folder: Path) -> None:
    for name in (UNDER_WAY, PREVIOUS):
        (folder / name).unlink(missing_ok=True)


def chosen(job: PackageJob, architecture: str, installed: str) -> PackageFile:
    """The file for this processor and release; UpdateError if there is none."""
    release = installed.rpartition("~")[2] if "~" in installed else ""
    for file in job.packages:
        if (
            file.architecture == architecture
            and (file.version.rpartition("~")[2] if "~" in file.version else "") == release
        ):
            return file
    raise UpdateError(f"the job has no package for {architecture} and {release or 'this release'}")


def _fetch(  # noqa: PLR0917
    file: PackageFile,
    into: Path,
    signers: Path,
    deadline: float,
    context: ssl.SSLContext | None,
    monotonic: Callable[[], float],
) -> None:
    """What the job means, and signed by somebody who is trusted; else UpdateError or SignatureError."""
    if not signers.exists():
        raise UpdateError(f"{signers} is not there: it lists whose packages may be installed, and none may")
    get = partial(download, deadline=deadline, context=context, monotonic=monotonic)
    signature = io.BytesIO()
    get(f"{file.url}.sig", signature, most=MAX_SIGNATURE)
    into.unlink(missing_ok=True)
    with os.fdopen(os.open(into, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as deb:
        digest = get(file.url, deb, most=MAX_BYTES)
        if digest != file.sha256:
            raise UpdateError(f"{file.url}: its sha256 is {digest}, not the one of the job")
        deb.flush()
        os.fsync(deb.fileno())
        signer(deb, signature.getvalue(), signers, NAMESPACE)


def _try(file: PackageFile, deb: Path, place: UpgradePlace, dpkg: Dpkg) -> None:
    """Whether it is ours and for this system, needs nothing else, reads the config and can run its models."""
    head = dpkg.head(deb)
    if (head.name, head.version, head.architecture) != (NAME, file.version, file.architecture):
        raise UpdateError(f"{file.url}: is {head.name} {head.version} for {head.architecture}, not what the job says")
    with _scratch(place.folder) as folder:
        dpkg.unpack(deb, folder)
        size = sum(each.lstat().st_size for each in folder.rglob("*") if each.is_file())
        free = shutil.disk_usage(place.folder).free
        if free < 2 * size:  # dpkg unpacks it once more, and the way back wants its place
            raise UpdateError(f"{free / 1e6:.0f} MB are free, {2 * size / 1e6:.0f} MB are needed")
        others = dpkg.others(deb)
        if others:
            raise UpdateError(f"other packages would come or go: {', '.join(others[:5])}; see to these first")
        python = folder / "usr" / "lib" / NAME / "bin" / "python"
        _asked(python, ["-m", "edge", "check", "--quiet", "--config", str(place.config)], place)
        models = _asked(python, ["-c", "from edge.device import resources; print(resources.models())"], place)
        for name in NAMES:
            _asked(python, ["-m", "edge.modelstore.trial", name, f"{models}/{name}"], place)


def _asked(python: Path, words: list[str], place: UpgradePlace) -> str:
    """What the new version says, run with the service's rights; UpdateError if it fails."""
    rights: dict[str, Any] = {}
    if place.user is not None:
        rights = {"user": place.user[0], "group": place.user[1], "extra_groups": []}
    try:
        done = subprocess.run(
            [str(python), "-s", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_TRY_S, check=False, cwd="/", env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            **rights,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(f"the new version cannot be tried: {error}") from None
    said: list[str] = (done.stdout if done.stdout.strip() else done.stderr).strip().splitlines() or [""]
    if done.returncode != 0:
        raise UpdateError(f"the new version fails its trial, status {done.returncode}: {printable(said[-1], 300)}")
    return said[-1]


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """An empty folder that everybody may look into, gone afterwards."""
    made = Path(tempfile.mkdtemp(dir=folder))
    made.chmod(0o755)
    try:
        yield made
    finally:
        with suppress(OSError):
            shutil.rmtree(made)
