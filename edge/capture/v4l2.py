"""What the kernel says of a /dev/video* node: who it is, and why it cannot be used. OpenCV only says that it failed."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

_QUERYCAP = 0x80685600  # VIDIOC_QUERYCAP, struct v4l2_capability of 104 bytes
_REQBUFS = 0xC0145608  # VIDIOC_REQBUFS, struct v4l2_requestbuffers of 20 bytes
_CAPTURE = 0x00000001 | 0x00001000  # single- and multi-planar
_DEVICE_CAPS = 0x80000000

# Nodes that show pictures only to libcamera (or convert them): no camera for V4L2.
_NOT_A_CAMERA = ("bcm2835-codec", "bcm2835-isp", "unicam", "rp1-cfe", "pispbe", "rpi-hevc", "rpivid", "bm2835 mmal")


@dataclass(frozen=True, slots=True)
class Node:
    """A node that answered."""

    path: str
    driver: str
    card: str
    captures: bool


def nodes(folder: Path = Path("/dev")) -> list[Path]:
    """/dev/video*, in the order of their numbers."""
    found = [path for path in folder.glob("video*") if path.name[5:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def stable_path(path: Path, by_id: Path = Path("/dev/v4l/by-id")) -> str | None:
    """The name under /dev/v4l/by-id that leads to `path`."""
    links = sorted(by_id.iterdir()) if by_id.is_dir() else []
    return next((str(link) for link in links if link.resolve() == path.resolve()), None)


def describe(path: str) -> Node | None:
    """The node's own words, or None if it does not answer as a V4L2 device."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        answer = fcntl.ioctl(descriptor, _QUERYCAP, bytes(104))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    driver, card, _bus, _version, capabilities, device_caps = struct.unpack("=16s32s32sIII", answer[:92])
    own = device_caps if capabilities & _DEVICE_CAPS else capabilities
    name = _text(driver)
    captures = bool(own & _CAPTURE) and not name.startswith(_NOT_A_CAMERA)
    return Node(path, name, _text(card), captures)


def why_not(path: str) -> str | None:
    """Why `path` cannot be opened as a camera, for a person; None if the kernel has no objection."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return _explained(path, error)
    try:
        fcntl.ioctl(descriptor, _QUERYCAP, bytes(104))
        # Asking for no buffers asks who owns the stream, and changes nothing if nobody does.
        fcntl.ioctl(descriptor, _REQBUFS, struct.pack("=IIIIBxxx", 0, 1, 1, 0, 0))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        return _explained(path, error)
    finally:
        os.close(descriptor)
    node = describe(path)
    if node is not None and not node.captures:
        return f"{path} ({node.card}) is not a camera that gives pictures"
    return None


def _explained(path: str, error: OSError) -> str:
    if error.errno in {errno.ENOENT, errno.ENXIO, errno.ENODEV}:
        return f"camera {path} not found: is it plugged in? `emotion-edge devices` lists what there is"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"no permission to use camera {path}: add the user to the group video (sudo usermod -aG video $USER)"
    if error.errno == errno.EBUSY:
        return f"camera {path} is used by another program"
    if error.errno == errno.ENOTTY:
        return f"{path} is not a camera"
    return f"camera {path} cannot be opened: {os.strerror(error.errno or 0)}"


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()
