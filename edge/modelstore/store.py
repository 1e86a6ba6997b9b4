"""The models that the owner installed: one folder each, and one small file that says which is in use.

    models/face/in-use.json           {"current": "2-1f3a…", "previous": null}; null is the shipped one
    models/face/2-1f3a…/manifest.json

That file is replaced in one step, so that after a power cut either the old model is in use or the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.device import paths, resources
from edge.device.files import sync_folder, write_atomically, write_new
from edge.errors import ModelError, StorageError
from edge.inference import read_bounded
from edge.modelstore.package import MANIFEST, Head, Package
from edge.modelstore.trial import tried

log = logging.getLogger(__name__)

NAMES = ("finder", "face", "speech", "text", "fusion")
_IN_USE = "in-use.json"
_MODE = 0o644  # the service is another user than root, and models are no secret


class InUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of folders; None means the model that came with the service."""

    current: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The model to use."""

    folder: Path
    version: str
    sha256: str  # of the model's file, or of the manifest where it has none
    installed: bool
    problem: str | None = None  # why an installed one is not used

    def described(self) -> dict[str, str]:
        """As `info` shows it."""
        return {"version": self.version, "sha256": self.sha256, "origin": "installed" if self.installed else "shipped"}


def choose(name: str, store: Path, *, trial: bool = True) -> Choice:
    """The installed model if there is one that works, else the shipped one, with the reason."""
    try:
        used = in_use(name, store)
        if used.current is None:
            return _choice(resources.models() / name, installed=False)
        folder = store / name / used.current
        problem = tried(name, folder) if trial else None
        if problem is None:
            return _choice(folder, installed=True)
    except (ModelError, OSError) as error:
        problem = str(error)
    return _choice(resources.models() / name, installed=False, problem=problem)


def used_folders(store: Path) -> dict[str, Path]:
    """The folder of each model in use; what is wrong with an installed one is logged."""
    chosen = {name: choose(name, store) for name in NAMES}
    log_chosen(chosen)
    return {name: choice.folder for name, choice in chosen.items()}


def log_chosen(chosen: Mapping[str, Choice]) -> None:
    """In the log: which installed models are used, and loudly which are not."""
    for name, choice in chosen.items():
        if choice.problem is not None:
            log.error("the installed %s model is NOT used, the shipped one is: %s", name, choice.problem)
        elif choice.installed:
            log.info("using the installed %s model %s", name, choice.folder.name)


def in_use(name: str, store: Path) -> InUse:
    """What is in use; ModelError if that cannot be known."""
    path = store / name / _IN_USE
    try:
        found = msgspec.json.decode(read_bounded(path), type=InUse)
    except FileNotFoundError:
        return InUse()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be used: {error}; install the model again") from None
    if any(each is not None and Path(each).name != each for each in (found.current, found.previous)):
        raise ModelError(f"{path}: names something outside of its folder; install the model again")
    return found


def install(package: Package, store: Path) -> str:
    """Tries the package and puts it in use; returns its name in the store. On ModelError nothing has changed."""
    head = package.head
    if head.name not in NAMES:
        raise ModelError(f"the service has no model {head.name!r}; it has {', '.join(NAMES)}")
    with _changing(store, head.name) as folder:
        place = _kept(package, folder)
        try:
            before = in_use(head.name, store).current
        except ModelError:
            before = None
        _use(folder, InUse(current=place.name, previous=before))
    return place.name


def _kept(package: Package, folder: Path) -> Path:
    """A folder with the package in it, once it has been tried."""
    head = package.head
    draft = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    draft.chmod(0o755)
    try:
        for name, content in package.files.items():
            write_new(draft / name, content, mode=_MODE)
        problem = tried(head.name, draft)
        if problem is None:
            sync_folder(draft)
            place = _free_place(folder, f"{head.version}-{hashlib.sha256(package.files[MANIFEST]).hexdigest()[:12]}")
            return draft.replace(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    raise ModelError(f"{head.name} {head.version} is not installed: {problem.replace(str(draft), 'it')}")


def rollback(name: str, store: Path) -> InUse:
    """Switch to the model that was in use before, and the next time back. Returns what is in use now."""
    if name not in NAMES:
        raise ModelError(f"the service has no model {name!r}; it has {', '.join(NAMES)}")
    used = in_use(name, store)
    if used.current is None and used.previous is None:
        raise ModelError(f"{name}: there is no previous model: the shipped one was never replaced")
    if used.previous is not None:
        problem = tried(name, store / name / used.previous)
        if problem is not None:
            raise ModelError(f"{name} {used.previous} can no longer be used: {problem}")
    with _changing(store, name) as folder:
        now = InUse(current=used.previous, previous=used.current)
        _use(folder, now)
    return now


def _choice(folder: Path, *, installed: bool, problem: str | None = None) -> Choice:
    content = read_bounded(folder / MANIFEST)
    try:
        head = msgspec.json.decode(content, type=Head)
    except msgspec.MsgspecError as error:
        raise ModelError(f"{folder / MANIFEST}: not a usable manifest: {error}") from None
    return Choice(folder, head.version, head.sha256 or hashlib.sha256(content).hexdigest(), installed, problem)


def _free_place(folder: Path, name: str) -> Path:
    place, count = folder / name, 1
    while place.exists():
        count += 1
        place = folder / f"{name}.{count}"
    return place


@contextlib.contextmanager
def _changing(store: Path, name: str) -> Iterator[Path]:
    """The folder of one model, ours alone for a while. OSErrors become one clear line."""
    folder = store / name
    try:
        store.parent.mkdir(mode=0o755 if store == paths.SYSTEM_MODELS else 0o700, parents=True, exist_ok=True)
        for each in (store, folder):
            if not each.is_dir():
                each.mkdir()
                each.chmod(0o755)  # whatever root's umask is: the service is another user
        with (store / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    except OSError as error:
        raise StorageError(f"{error.filename or folder}: cannot be written: {error.strerror}; use sudo") from None


def _use(folder: Path, used: InUse) -> None:
    """The switch itself; then what is in use no more and was not before is removed."""
    write_atomically(folder / _IN_USE, msgspec.json.encode(used), mode=_MODE)
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink() and each.name not in (used.current, used.previous):
            shutil.rmtree(each, ignore_errors=True)
