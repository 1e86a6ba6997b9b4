"""A model as it comes from elsewhere, a folder or an archive: read into memory, within bounds, nothing unpacked.

What an archive says about itself is not believed: neither sizes nor names nor kinds of its members.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec

from edge.errors import ModelError
from edge.inference import MAX_BYTES, PlainName, read_bounded

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
MAX_MEMBERS = 64

Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}$")]


class Head(msgspec.Struct, frozen=True):
    """What every manifest says, whatever else is in it."""

    name: PlainName
    version: Version
    file: PlainName | None = None  # fusion has none
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """One model. Its file is what the manifest says, byte for byte."""

    head: Head
    files: dict[str, bytes]  # manifest.json and the file that it names
    signature: bytes | None
    digest: str  # what `sha256sum` says of the archive, or of a folder's manifest.json


def read_package(path: Path) -> Package:
    """The model in a folder, a .tar, .tar.gz or .zip; ModelError says what is wrong with it."""
    try:
        if path.is_dir():
            wanted = {name: path / name for name in (MANIFEST, SIGNATURE)}
            found = {name: read_bounded(file, follow=False) for name, file in wanted.items() if file.exists()}
            head = _head(found.get(MANIFEST), path)
            if head.file:
                found[head.file] = read_bounded(path / head.file, follow=False)
            digest = hashlib.sha256(found[MANIFEST]).hexdigest()
        else:
            raw = read_bounded(path)
            found = _in_one_folder(dict(_members(raw, path)), path)
            head = _head(found.get(MANIFEST), path)
            digest = hashlib.sha256(raw).hexdigest()
    except OSError as error:
        raise ModelError(f"{error.filename or path}: cannot be read: {error.strerror or error}") from None
    files = {MANIFEST: found[MANIFEST]}
    if head.file:
        if head.file not in found:
            raise ModelError(f"{path}: lacks {head.file}, which its manifest names")
        if hashlib.sha256(found[head.file]).hexdigest() != head.sha256:
            raise ModelError(f"{path}: {head.file} is not what the manifest says: its sha256 differs")
        files[head.file] = found[head.file]
    return Package(head, files, found.get(SIGNATURE), digest)


def _head(manifest: bytes | None, path: Path) -> Head:
    if manifest is None:
        raise ModelError(f"{path}: holds no {MANIFEST}")
    try:
        head = msgspec.json.decode(manifest, type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: its {MANIFEST} cannot be used: {error}") from None
    if head.file in (MANIFEST, SIGNATURE):
        raise ModelError(f"{path}: its {MANIFEST} names itself as the model")
    return head


def _in_one_folder(members: dict[PurePosixPath, bytes], path: Path) -> dict[str, bytes]:
    """The files beside the only manifest.json, by name."""
    manifests = [name for name in members if name.name == MANIFEST]
    if len(manifests) != 1:
        raise ModelError(f"{path}: holds {len(manifests) or 'no'} {MANIFEST}; an archive carries one model")
    return {name.name: content for name, content in members.items() if name.parent == manifests[0].parent}


def _members(raw: bytes, path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The ordinary files of an archive. Anything else in it, or too much of it, is refused."""
    try:
        yield from _counted(_zip(raw) if raw[:2] == b"PK" else _tar(raw))
    except _Refused as refused:
        raise ModelError(f"{path}: {refused}; nothing of it was used") from None
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        # RuntimeError and NotImplementedError: encrypted, or packed in a way that zipfile does not know
        raise ModelError(f"{path}: no usable .tar, .tar.gz or .zip: {error}") from None


def _counted(members: Iterator[tuple[str, bytes]]) -> Iterator[tuple[PurePosixPath, bytes]]:
    total, seen = 0, set[PurePosixPath]()
    for text, content in members:
        name = _plain(text)
        total += len(content)
        if total > MAX_BYTES or len(seen) >= MAX_MEMBERS:
            raise _Refused(f"holds more than {MAX_MEMBERS} files or {MAX_BYTES // 1_000_000} MB")
        if name in seen:
            raise _Refused(f"holds {text!r} twice")
        seen.add(name)
        yield name, content


class _Refused(Exception):
    """Why an archive is not to be trusted."""


def _tar(raw: bytes) -> Iterator[tuple[str, bytes]]:
    if raw[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(raw)) as packed:
            raw = packed.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise _Refused(f"holds more than {MAX_BYTES // 1_000_000} MB")
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
        for count, member in enumerate(archive):
            if count > 2 * MAX_MEMBERS:
                raise _Refused("holds too many members")
            if member.isdir():
                continue
            content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
            if content is None or not 0 <= member.size <= MAX_BYTES:
                raise _Refused(f"holds {member.name!r}, which is no ordinary file")
            yield member.name, content.read()


def _zip(raw: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if len(archive.infolist()) > 2 * MAX_MEMBERS:
            raise _Refused("holds too many members")
        for member in archive.infolist():
            if member.is_dir():
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or not 0 <= member.file_size <= MAX_BYTES:
                raise _Refused(f"holds {member.filename!r}, which is no ordinary file")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _Refused(f"holds {member.filename!r}, packed in an unusual way")
            with archive.open(member) as content:
                yield member.filename, content.read(MAX_BYTES + 1)


def _plain(text: str) -> PurePosixPath:
    """A name that stays where it is unpacked, though we unpack nothing."""
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or "\\" in text or not text.isprintable() or not name.name:
        raise _Refused(f"holds {text!r}, which leads out of it")
    return name
