"""Two network namespaces and a cable between them, in which packets can vanish. Nothing outside them is touched."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

_NEAR, _FAR = "10.77.0.1", "10.77.0.2"
_NOBODY = "02:00:00:00:00:99"  # no card has this address: what is sent to it is dropped on arrival
_CLONE_NEWNET = 0x40000000


class Wire:
    """`address` is where the service in the far namespace finds what we listen on."""

    address = _NEAR

    def __init__(self, near: subprocess.Popen[bytes], far: subprocess.Popen[bytes]) -> None:
        self._near = near
        self._far = far

    @classmethod
    def lay(cls) -> Wire | None:
        """None where that is not permitted."""
        if os.geteuid() != 0 or not all(shutil.which(each) for each in ("unshare", "nsenter", "ip")):
            return None
        near, far = (subprocess.Popen(["unshare", "--net", "sleep", "1000"]) for _ in range(2))
        wire = cls(near, far)
        try:
            _wait_for_namespace(near)
            _wait_for_namespace(far)
            cable = ["type", "veth", "peer", "name", "cable1", "netns", str(far.pid)]
            wire._ip(near, "link", "add", "cable0", *cable)
            for holder, name, address in ((near, "cable0", _NEAR), (far, "cable1", _FAR)):
                wire._ip(holder, "link", "set", "lo", "up")
                wire._ip(holder, "addr", "add", f"{address}/24", "dev", name)
                wire._ip(holder, "link", "set", name, "up")
        except (OSError, subprocess.CalledProcessError):
            wire.close()
            return None
        return wire

    @property
    def within(self) -> list[str]:
        """What to put in front of a command so that it runs in the far namespace."""
        return ["nsenter", "-t", str(self._far.pid), "-n", "--"]

    def listen(self) -> socket.socket:
        """A listening socket in the near namespace, for use from here."""
        found: list[socket.socket] = []

        def enter() -> None:  # the namespace is that of the thread
            with Path(f"/proc/{self._near.pid}/ns/net").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) == 0:
                    found.append(socket.create_server((_NEAR, 0)))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return found[0]

    def drop(self) -> None:
        """From now on every packet vanishes, in both directions, without a word."""
        self._ip(self._near, "neigh", "replace", _FAR, "lladdr", _NOBODY, "nud", "permanent", "dev", "cable0")
        self._ip(self._far, "neigh", "replace", _NEAR, "lladdr", _NOBODY, "nud", "permanent", "dev", "cable1")

    def heal(self) -> None:
        self._ip(self._near, "neigh", "del", _FAR, "dev", "cable0")
        self._ip(self._far, "neigh", "del", _NEAR, "dev", "cable1")

    def close(self) -> None:
        for holder in (self._near, self._far):
            holder.kill()
            holder.wait()

    def _ip(self, holder: subprocess.Popen[bytes], *words: str) -> None:
        subprocess.run(["nsenter", "-t", str(holder.pid), "-n", "ip", *words], check=True, capture_output=True)


def _wait_for_namespace(holder: subprocess.Popen[bytes]) -> None:
    own = Path("/proc/self/ns/net").readlink()
    for _ in range(500):
        if holder.poll() is not None:
            break
        if Path(f"/proc/{holder.pid}/ns/net").readlink() != own:
            return
        time.sleep(0.02)
    raise OSError("no network namespace")
