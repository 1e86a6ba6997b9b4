"""Our Debian package on this system: what dpkg and apt say of it, and what they do with it. Nothing else of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UpdateError
from edge.printable import printable

NAME = "emotion-edge"
ASK_S, WORK_S = 120.0, 1_200.0  # for an answer; for unpacking on a slow card
LOCKED_S = 300.0  # somebody else installs: how long they are waited for
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "md5sums", "conffiles", "triggers")


@dataclass(frozen=True, slots=True)
class PackageHead:
    """What a package says it is."""

    name: str
    version: str
    architecture: str


class Dpkg:
    """The system below `root`."""

    def __init__(
        self,
        root: Path = Path("/"),
        options: Sequence[str] = (),
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._sleep = sleep
        self._monotonic = monotonic
        self._admin = root / "var" / "lib" / "dpkg"
        self._options = [f"--root={root}", *options] if root != Path("/") else list(options)

    def architecture(self) -> str:
        return _output(["dpkg", "--print-architecture"])

    def installed(self) -> str:
        """The version that is here; UpdateError if we did not come as a Debian package."""
        words = ["dpkg-query", f"--admindir={self._admin}", "-W", "-f", "${db:Status-Abbrev}${Version}", NAME]
        try:
            state, _, version = _output(words).partition(" ")
        except UpdateError:
            state = version = ""
        if not state.startswith("ii"):
            raise UpdateError(f"{NAME} is not installed as a Debian package here; upgrade it as it was installed")
        return version.strip()

    def newer(self, version: str, than: str) -> bool:
        words = ["dpkg", "--compare-versions", version, "gt", than]
        return subprocess.run(words, capture_output=True, timeout=ASK_S, check=False).returncode == 0

    def head(self, deb: Path) -> PackageHead:
        found = _output(["dpkg-deb", "-W", "--showformat=${Package}\n${Version}\n${Architecture}", str(deb)])
        return PackageHead(*[*found.splitlines(), "", "", ""][:3])

    def unpack(self, deb: Path, folder: Path) -> None:
        """Its files into `folder`; nothing of it is run."""
        _output(["dpkg-deb", "-x", str(deb), str(folder)], WORK_S)

    def others(self, deb: Path) -> list[str]:
        """Which other packages would have to come or go; UpdateError if what it needs is not to be had at all."""
        status = ["-o", f"Dir::State::status={self._admin / 'status'}"]
        words = ["apt-get", "-q", "-s", *status, "install", str(deb)]
        changes = re.findall(r"^(?:Inst|Remv) (\S+)", _output(words), re.MULTILINE)
        return sorted({name for name in changes if name.partition(":")[0] != NAME})

    def keep(self, stage: Path, deb: Path) -> None:
        """What is installed, made a package once more, so that there is a way back whatever it came from."""
        listed = _output(["dpkg-query", f"--admindir={self._admin}", "-L", NAME]).splitlines()
        stage.chmod(0o755)
        try:
            for path in sorted(line for line in listed if line.startswith("/") and line != "/."):
                _same(self._root / path.lstrip("/"), stage / path.lstrip("/"))
            (stage / "DEBIAN").mkdir(mode=0o755)
            said = _output(["dpkg-query", f"--admindir={self._admin}", "-s", NAME])
            control = re.sub(r"(?m)^(Status|Config-Version):.*\n|^Conffiles:\n( .*\n?)*", "", said + "\n")
            (stage / "DEBIAN" / "control").write_text(control, "utf-8")
            for script in _SCRIPTS:
                kept = self._admin / "info" / f"{NAME}.{script}"
                if kept.exists():
                    shutil.copy2(kept, stage / "DEBIAN" / script)
        except OSError as error:
            raise UpdateError(f"the way back cannot be kept: {error.filename}: {error.strerror}") from None
        _output(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(stage), str(deb)], WORK_S)
        with deb.open("rb") as file:
            os.fsync(file.fileno())  # it must be there after a power cut

    def install(self, deb: Path) -> None:
        """UpdateError if dpkg does not end well; what is installed may then be neither one nor the other."""
        end = self._monotonic() + LOCKED_S
        while True:
            try:
                _output(["dpkg", *self._options, "--force-confold", "--install", str(deb)], WORK_S)
            except UpdateError as error:
                if "locked by another process" not in str(error) or self._monotonic() >= end:
                    raise
                self._sleep(2.0)
            else:
                return


def _same(there: Path, here: Path) -> None:
    """A folder, link or file as it is there; files are not copied where they can be shared."""
    if there.is_symlink():
        here.symlink_to(there.readlink())
    elif there.is_dir():
        here.mkdir(mode=0o755, exist_ok=True, parents=True)
    else:
        try:
            os.link(there, here)
        except OSError:  # on another disk
            shutil.copy2(there, here)


def _output(words: Sequence[str], timeout_s: float = ASK_S) -> str:
    """What a program says; UpdateError with its last word if it fails."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout_s,
            check=False, env=environment,
        )  # fmt: skip
    except FileNotFoundError:
        raise UpdateError(f"{words[0]} is not here: packages are Debian's") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UpdateError(f"{words[0]}: {error}") from None
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise UpdateError(f"{words[0]} ends with status {done.returncode}: {printable('; '.join(lines[-3:]), 400)}")
    return done.stdout.strip()
