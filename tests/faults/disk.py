"""Disks that can be cut off, filled, frozen; each in a mount namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class Disk:
    """A small ext4 in a file, mounted in a mount namespace of its own."""

    def __init__(self, image: Path, holder: subprocess.Popen[bytes], mounted: Path) -> None:
        self.image = image
        self.mounted = mounted  # for who is in that namespace
        self.seen = Path(f"/proc/{holder.pid}/root{mounted}")  # for who is not; SQLite would look through it
        self.within = ["nsenter", "-t", str(holder.pid), "-m", "--"]
        self._holder = holder

    @classmethod
    def make(cls, image: Path) -> Disk | None:
        """None where that is not permitted."""
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            return None
        with image.open("wb") as file:
            file.truncate(16_000_000)
        done = subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], capture_output=True, check=False)
        return cls.mount(image) if done.returncode == 0 else None

    @classmethod
    def mount(cls, image: Path) -> Disk | None:
        return cls._held(image, image.with_suffix(".root"), 'mount -o loop "$0" "$1"')

    @classmethod
    def tiny(cls, mounted: Path, size: str) -> Disk | None:
        """In memory, no larger than `size`."""
        return cls._held(mounted, mounted, f'mount -t tmpfs -o size={size} tmpfs "$1"')

    @classmethod
    def _held(cls, image: Path, mounted: Path, mount: str) -> Disk | None:
        if os.geteuid() != 0:
            return None
        mounted.mkdir(exist_ok=True)
        script = mount + " && echo ready && exec sleep 1000"
        holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, str(image), str(mounted)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert holder.stdout is not None
        with holder.stdout:
            if holder.stdout.readline() != b"ready\n":
                holder.wait()
                return None
        return cls(image, holder, mounted)

    def freeze(self) -> None:
        """Every write waits from now on, as on a card that is dying."""
        subprocess.run([*self.within, "fsfreeze", "-f", str(self.mounted)], check=True)

    def thaw(self) -> None:
        subprocess.run([*self.within, "fsfreeze", "-u", str(self.mounted)], check=False, capture_output=True)

    def fill(self) -> None:
        """Leave no room. A file that is replaced or deleted at this moment gives some back: call it again."""
        descriptor = os.open(self.seen / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError:  # full, as it should be
            pass
        finally:
            os.close(descriptor)

    def make_room(self) -> None:
        (self.seen / "filler").unlink()

    def run(self, *command: str) -> None:
        """Inside."""
        subprocess.run([*self.within, *command], check=True)

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
