"""Sends what waited in the outbox: in order, at a limited rate, each with its own time and number."""

from __future__ import annotations

import msgspec

from edge.device.clock import Clock
from edge.messages.numbering import Stamp
from edge.messages.payloads import BacklogPayload
from edge.mqtt.outbox import Outbox
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.store import Row


class Backlog:
    """Walks through the outbox once for each connection. Belongs to the publisher's thread."""

    def __init__(self, outbox: Outbox, stamp: Stamp, clock: Clock, retry: RetryPolicy) -> None:
        self._outbox = outbox
        self._stamp = stamp
        self._clock = clock
        self._retry = retry
        self._texts: dict[int, bytes] = {}  # by row: sent again after a lost connection it bears the same number
        self._last_row = 0
        self._allowance = 0.0  # messages that the rate allows by now
        self._allowance_at = 0.0

    def restart(self) -> None:
        """A new connection: what the last one did not deliver comes first."""
        self._last_row, self._allowance, self._allowance_at = 0, 0.0, self._clock.monotonic()

    def next(self, window: int, in_flight: int) -> list[tuple[int, bytes]]:
        """Row and text of what may be sent now: `in_flight` of its kind are, `window` may be."""
        if not len(self._outbox):
            self._texts.clear()
            return []
        now = self._clock.monotonic()
        window = min(self._retry.backlog_window, window)
        self._allowance = min(window, self._allowance + (now - self._allowance_at) * self._retry.backlog_per_s)
        self._allowance_at = now
        room = min(window - in_flight, int(self._allowance))
        found = []
        for row in self._outbox.after(self._last_row, room) if room > 0 else ():
            self._last_row = row.id
            self._allowance -= 1
            text = self._texts.get(row.id) or self._text(row, now)
            if text:
                self._texts[row.id] = text
                found.append((row.id, text))
        return found

    def delivered(self, row_id: int) -> None:
        """The broker has it."""
        self._texts.pop(row_id, None)
        self._outbox.delivered(row_id)

    def forget(self) -> None:
        """Privacy."""
        self._texts.clear()
        self._outbox.purge()

    def _text(self, row: Row, now: float) -> bytes | None:
        try:
            waited = msgspec.json.decode(row.text, type=dict)
        except (msgspec.MsgspecError, ValueError):  # bits rot
            self._outbox.dropped += 1
            self._outbox.delivered(row.id)
            return None
        if row.session == self._stamp.session:
            waited = self._stamp.corrected(waited, row.monotonic)
        text, _ = self._stamp.numbered("backlog", BacklogPayload(topic=row.topic, payload=waited), now)
        return text
