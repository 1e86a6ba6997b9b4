"""Where mosquitto is on this machine, and how to get it without touching the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.errors import BrokerError

_REMEDY = "install it with `sudo apt install mosquitto`, or set mqtt.host to a broker you have"
_LISTED = ("--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances")


def find_mosquitto() -> Path | None:
    """The program: from PATH, from where Debian puts it, or from our cache."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found:
        return Path(found)
    cached = _cache() / "usr" / "sbin" / "mosquitto"
    return cached if cached.is_file() else None


def environment(program: Path) -> dict[str, str]:
    """What to run it with: one from the cache brings its libraries."""
    variables = dict(os.environ)
    if program.is_relative_to(_cache()):
        folders = sorted(str(each) for lib in ("usr/lib", "lib") for each in _cache().glob(f"{lib}/*-linux-gnu*"))
        variables["LD_LIBRARY_PATH"] = ":".join(folders)
    return variables


def fetch() -> Path:
    """Unpacks Debian's package into the cache: no root needed, nothing installed, no system service started.

    Root, or sudo without a password, is only used to renew apt's lists where these know no mosquitto.
    """
    for tool in ("apt-get", "apt-cache", "dpkg"):
        if not shutil.which(tool):
            raise BrokerError(f"mosquitto is not installed and {tool} is missing to fetch it; {_REMEDY}")
    try:
        _download_and_unpack()
    except BrokerError:
        if not _renew_lists():
            raise
        _download_and_unpack()
    program = find_mosquitto()
    if program is None:
        raise BrokerError(f"apt's mosquitto package contains no mosquitto; {_REMEDY}")
    return program


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "emotion-edge" / "mosquitto"


def _download_and_unpack() -> None:
    packages = ["mosquitto", *_libraries_missing("mosquitto", set())]
    _cache().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_cache().parent) as folder:
        _run(["apt-get", "download", *packages], folder)
        unpacked = Path(folder) / "unpacked"
        for package in Path(folder).glob("*.deb"):
            _run(["dpkg", "-x", str(package), str(unpacked)], folder)
        shutil.rmtree(_cache(), ignore_errors=True)
        unpacked.rename(_cache())


def _libraries_missing(package: str, seen: set[str]) -> Iterator[str]:
    """What it needs beside, as far as it is not installed here."""
    listing = _run(["apt-cache", "depends", *_LISTED, package], "/")
    for line in listing.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind != "Depends" or not name.startswith("lib") or name in seen:
            continue
        seen.add(name)
        if not _installed(name):
            yield name
            yield from _libraries_missing(name, seen)


def _installed(package: str) -> bool:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True, check=False
    )
    return asked.stdout == "installed"


def _renew_lists() -> bool:
    command = ["apt-get", "update", "-q"]
    if os.geteuid() != 0:
        command = ["sudo", "-n", *command]
    try:
        return (
            subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=300, check=False).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: list[str], folder: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerError(f"mosquitto could not be fetched: {command[0]}: {error}; {_REMEDY}") from None
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BrokerError(f"mosquitto could not be fetched: {command[0]}: {why}; {_REMEDY}")
    return done.stdout
