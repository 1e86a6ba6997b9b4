"""A PostgreSQL of the tests' own, and the collector that fills it."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import StorageError
from edge.fleet.store import Store
from tests.helpers.broker import Broker, free_port

Make = Callable[..., dict[str, Any]]  # a payload with its head: seq, ts, session, and its own fields
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []


class Postgres:
    """A server on loopback that can be stopped and started again."""

    def __init__(self, folder: Path, programs: Path, tree: Path | None = None, settings: str = "") -> None:
        """With `tree`, a Debian system in a folder, its programs are used; `folder` must lie in it."""
        self.port = free_port()
        self._programs = programs
        self._tree = tree
        self._data = folder / "data"
        user: dict[str, Any] = {}
        if tree is not None:
            subprocess.run(["chroot", tree, "chown", "postgres:", self._there(folder)], check=True)
        elif os.geteuid() == 0:  # it refuses to run as root
            who = pwd.getpwnam("postgres")
            user = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
            os.chown(folder, who.pw_uid, who.pw_gid)
        self._user = user
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "emotion", "--no-sync")
        place = self._there(folder)
        options = f"port={self.port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories='{place}'\nfsync=off\n"
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(options + settings)
        self.url = f"postgresql://emotion@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", self._data / "log", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def _there(self, path: Path) -> str:
        """A path as the server sees it."""
        return str(path) if self._tree is None else f"/{path.relative_to(self._tree)}"

    def _run(self, program: str, *words: object) -> None:
        root = [] if self._tree is None else ["chroot", "--userspec=postgres:postgres", str(self._tree)]
        given = [self._there(word) if isinstance(word, Path) else str(word) for word in words]
        command = [*root, self._there(self._programs / program), *given]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **self._user)


def connects(store: Store) -> bool:
    """Whether the database answers now."""
    try:
        store.connect()
    except StorageError:
        return False
    return True


@contextmanager
def collector(broker: Broker, postgres: Postgres, member: str) -> Iterator[subprocess.Popen[str]]:
    """A copy of `emotion-edge collect` that is ready."""
    words = [sys.executable, "-m", "edge", "collect", f"127.0.0.1:{broker.port}", "--database", postgres.url]
    with subprocess.Popen([*words, "--group", "g", "--member", member], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "collecting\n"
        try:
            yield process
        finally:
            process.kill()
