"""A machine on which the service is installed, for root's commands: its own /etc and /var/lib, and the service's user.

Made of mounts in a namespace that ends with the command, so that nothing of this machine is touched.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

USER = "emotion-edge"
ID = 64_999

_MOUNTS = """
set -e
mount -t overlay overlay -o lowerdir=/etc,upperdir={etc},workdir={work} /etc
mount -t tmpfs tmpfs /var/lib
mkdir -m 700 /var/lib/emotion-edge
chown {id}:{id} /var/lib/emotion-edge
"""
# An interpreter in root's home: the service's user could not load its library.
_OPEN_HOME = """
mkdir -p {aside}
mount --rbind {home} {aside}
mount -t tmpfs -o mode=755 tmpfs {home}
mkdir -p {python}
mount --rbind {aside}/{below} {python}
"""


class Installed:
    """`config` and other files of /etc/emotion-edge go to `folder`; what `run` does sees them there."""

    config = "/etc/emotion-edge/config.toml"

    def __init__(self, tmp_path: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root")
        self._tmp = tmp_path
        etc = tmp_path / "etc"
        self.folder = etc / "emotion-edge"
        self.folder.mkdir(parents=True)
        etc.chmod(0o755)
        self.folder.chmod(0o755)
        (tmp_path / "work").mkdir()
        (etc / "passwd").write_text(
            Path("/etc/passwd").read_text() + f"{USER}:x:{ID}:{ID}::/nonexistent:/usr/sbin/nologin\n"
        )
        (etc / "group").write_text(Path("/etc/group").read_text() + f"{USER}:x:{ID}:\n")
        if self.run("true").returncode:
            pytest.skip("mounting is not permitted here")

    def write(self, name: str, text: str, *, mode: int = 0o640, group: int = ID) -> str:
        """A file of root's in /etc/emotion-edge; its path there."""
        file = self.folder / name
        file.write_text(text)
        file.chmod(mode)
        os.chown(file, 0, group)
        return f"/etc/emotion-edge/{name}"

    def run(self, command: str, *words: str, before: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the shell, after `before`; a lone `emotion-edge` means this checkout's."""
        script = _MOUNTS.format(etc=self._tmp / "etc", work=self._tmp / "work", id=ID)
        python = Path(sys.base_prefix).resolve()
        if python.is_relative_to(Path.home()):
            script += _OPEN_HOME.format(
                aside=self._tmp / "aside", home=Path.home(), python=python, below=python.relative_to(Path.home())
            )
        line = shlex.join([command, *words])
        if command == "emotion-edge":
            line = f"{shlex.quote(sys.executable)} -m edge {shlex.join(words)}"
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("EMOTION", "XDG_", "STATE"))
        }
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", f"{script}\n{before}\n{line}"],
            capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parents[2],
            env={**environment, "HOME": str(self._tmp / "home")},
        )  # fmt: skip
