"""Talking to systemd: readiness, watchdog, status line and the journal. All of it does nothing elsewhere."""

from __future__ import annotations

import logging
import os
import socket
import sys

log = logging.getLogger(__name__)
_UNUSABLE: set[str] = set()  # sockets of which it has been said


def notify(message: str) -> None:
    """Send one sd_notify message such as `READY=1`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(message.encode(), address)
    except OSError as error:  # systemd starts us again if it matters
        if address not in _UNUSABLE:
            _UNUSABLE.add(address)
            log.warning("systemd cannot be notified (NOTIFY_SOCKET): %s; this is said once", error)


def log_handler() -> logging.Handler:
    """The journal with structured fields where python3-systemd is there, else stderr (with journal priorities)."""
    if os.environ.get("JOURNAL_STREAM"):
        try:
            from systemd.journal import JournalHandler
        except ImportError:
            handler: logging.Handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(_Priorities("%(levelname)s %(name)s: %(message)s"))
            return handler
        journal: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="emotion-edge")
        return journal
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


class _Priorities(logging.Formatter):
    """Prefixes each line with the journal's <priority>."""

    def format(self, record: logging.LogRecord) -> str:
        level = next(
            (priority for bound, priority in ((40, 3), (30, 4), (20, 6)) if record.levelno >= bound),
            7,
        )
        return "\n".join(f"<{level}>{line}" for line in super().format(record).splitlines())
