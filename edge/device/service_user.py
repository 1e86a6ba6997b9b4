"""The user that the installed service runs as, and looking at files and devices with that user's rights."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.device import paths

SERVICE_USER = "emotion-edge"
_GROUPS = ("video", "audio", "gpio", "render")  # as in the unit and its drop-in, as far as they exist here


@dataclass(frozen=True, slots=True)
class User:
    """Somebody other than us."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def service_user() -> User | None:
    """The service's user, None where the service is not installed."""
    try:
        found = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None
    groups = {found.pw_gid, *(entry.gr_gid for entry in grp.getgrall() if SERVICE_USER in entry.gr_mem)}
    for name in _GROUPS:
        with contextlib.suppress(KeyError):
            groups.add(grp.getgrnam(name).gr_gid)
    return User(found.pw_name, found.pw_uid, found.pw_gid, tuple(sorted(groups)))


@contextlib.contextmanager
def rights_of_service(config: Path | None) -> Iterator[None]:
    """Within it root may open what the service with this config may open, and nothing else.

    Root reads everything, so without it `check` and `doctor` would approve of a file that the service cannot read.
    Does nothing for others than root and for a config that is not the installed service's. For one thread only: the
    rights belong to the process.
    """
    user = service_user() if os.geteuid() == 0 and paths.is_of_system(config) else None
    if user is None:
        yield
        return
    before = os.getgroups()
    os.setgroups(user.groups)
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)
