"""The loopback of a network of our own: every packet on it, put together to what was said to the broker."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_ETH_P_ALL = 3
_PACKET_OUTGOING = 4
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def alone() -> None:
    """Leave the machine's network for one with nothing but a loopback; PermissionError where that is forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWNET if user == 0 else _CLONE_NEWNET | _CLONE_NEWUSER) != 0:
        raise PermissionError(ctypes.get_errno(), "no network of our own can be made here")
    if user != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP | _IFF_RUNNING))


@dataclass
class Flow:
    """One direction of one TCP connection."""

    next: int | None = None
    early: dict[int, bytes] = field(default_factory=dict)

    def take(self, number: int, content: bytes, begins: bool) -> Iterator[bytes]:
        """The bytes that are next in order, if any."""
        if begins or self.next is None:
            self.next = (number + (1 if begins else 0)) % 2**32
        if not content:
            return
        self.early[number] = content
        while (part := self._part()) is not None:
            yield part

    def _part(self) -> bytes | None:
        assert self.next is not None
        for number, content in list(self.early.items()):
            skip = (self.next - number) % 2**32
            if skip < 2**31:  # it begins here, or before what we have
                del self.early[number]
                if skip < len(content):
                    self.next = (self.next + len(content) - skip) % 2**32
                    return content[skip:]
        return None


class Sniffer:
    """Hears all of the loopback from the moment it is made."""

    def __init__(self, said: Callable[[int, int, bytes], None]) -> None:
        """`said` is told source port, destination port and bytes, in order."""
        self.packets = 0
        self.bytes = 0
        self.lost = 0
        self.elsewhere: Counter[str] = Counter()  # anything that is not TCP
        self._said = said
        self._flows: dict[tuple[int, int], Flow] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        _, self.lost = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                frame, (_, _, kind, *_) = self._socket.recvfrom(1 << 18)
            except TimeoutError:
                continue
            if kind != _PACKET_OUTGOING:  # loopback shows each packet going and coming
                self.packets += 1
                self.bytes += len(frame)
                self._packet(frame[14:])

    def _packet(self, packet: bytes) -> None:
        version = packet[0] >> 4 if packet else 0
        if version == 4 and packet[9] == 6:
            segment = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4], "big") or None]
        elif version == 6 and packet[6] == 6:
            segment = packet[40:]
        else:
            self.elsewhere[f"IP {version}, protocol {packet[9] if version == 4 else packet[6:7].hex()}"] += 1
            return
        source, target, number = struct.unpack("!HHI", segment[:8])
        content = segment[(segment[12] >> 4) * 4 :]
        begins = bool(segment[13] & 2)
        flow = self._flows[source, target] = Flow() if begins else self._flows.get((source, target), Flow())
        for part in flow.take(number, content, begins):
            self._said(source, target, part)
