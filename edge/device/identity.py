"""Who we are on the broker: names that two boards called `raspberrypi` never share."""

from __future__ import annotations

import hashlib
from pathlib import Path

_SALT = "emotion-edge device name v1"  # the machine id itself is confidential, see machine-id(5)
_FILES = (
    Path("/etc/machine-id"),
    Path("/var/lib/dbus/machine-id"),
    Path("/proc/device-tree/serial-number"),  # of the board, on a Pi and a Jetson
)
_NETWORK = Path("/sys/class/net")


def device_name(config_name: str | None, machine_id: str | None) -> str:
    """The level of our topics below the base: the owner's name for it, else `edge-` and a hash of the machine id."""
    return config_name or f"edge-{_hash('name', machine_id)[:8]}"


def client_id(device: str, machine_id: str | None) -> str:
    """Tells machines of one name apart, and devices on one machine; at most 23 letters, as MQTT 3.1.1 asks."""
    return f"edge-{_hash('client', machine_id)[:8]}-{_hash('device', device)[:6]}"


def machine_id() -> str | None:
    """What this machine calls itself: its machine id, else the board's serial number, else a network address."""
    for path in _FILES:
        text = _text(path)
        if text:
            return text
    try:
        cards = sorted(_NETWORK.iterdir())
    except OSError:
        return None
    for card in cards:
        text = _text(card / "address")
        if text.strip("0:"):
            return text
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _hash(purpose: str, text: str | None) -> str:
    return hashlib.sha256(f"{_SALT} {purpose} {text or 'no machine id'}".encode()).hexdigest()
