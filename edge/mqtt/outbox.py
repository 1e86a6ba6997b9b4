"""What waits while the broker is away: a short tail in memory, the rest on disk, in order, bounded in size and age."""

from __future__ import annotations

import logging
from pathlib import Path

from edge.config import schema
from edge.device.clock import Clock, DailyCount
from edge.device.database import DamagedDatabase, remove
from edge.errors import StorageError
from edge.mqtt.store import Now, OutboxStore, Row

log = logging.getLogger(__name__)

COMMIT_S = 1.0  # a message is on disk at the latest this long after it was stored, if the disk is well
TAIL_MAX = 2_000  # messages kept in memory when the disk takes none
RETRY_S = 30.0  # a disk that failed is tried again after this long
SLOW_S = 3.0  # a commit that takes longer is told: what comes meanwhile is in memory only
EXPIRE_EVERY_S = 60.0
_ABOVE_ANY = 2**40  # ids begin here when those in the file cannot be read


class Outbox:
    """Nothing is opened or written before the first message waits, nor after the last one left.

    Ids count up over all sessions, so that `after(id)` walks in the order of storing. Belongs to one thread.
    """

    def __init__(self, path: Path, limits: schema.OutboxConfig, session: str, clock: Clock) -> None:
        self.limits = limits
        self.dropped = 0  # messages given up: thinned, expired, or lost with a damaged file
        self.trouble = ""  # why nothing can be kept on disk; empty when all is well
        self._path = path
        self._session = session
        self._clock = clock
        self._opened = clock.monotonic()
        self._store: OutboxStore | None = None
        self._to_delete = False  # the file must be deleted before it may be opened again
        self._tail: dict[int, Row] = {}  # not on disk yet; their ids are above those on disk
        self._last_id = 0
        self._due: float | None = None  # when to commit
        self._slow_until = 0.0
        self._expire_at = self._opened
        self._written = DailyCount(clock)

    def __len__(self) -> int:
        return len(self._tail) + (self._store.waiting if self._store else 0)

    @property
    def keeps(self) -> bool:
        """False where the owner wants nothing kept."""
        return self.limits.max_mb > 0

    @property
    def disk_bytes_today(self) -> int:
        return self._written.today

    def find_earlier(self) -> None:
        """Takes up what an earlier session left behind."""
        if self._path.exists():
            self._open()

    def add(self, rank: int, topic: str, text: bytes, captured: float, wall: tuple[float, bool]) -> None:
        """Keeps a message; it reaches the disk with the next commit. `wall`: of capture, and if it is good."""
        self._last_id += 1
        self._tail[self._last_id] = Row(self._last_id, rank, topic, text, self._session, captured, *wall)
        self._be_due_in(COMMIT_S)
        if len(self._tail) > TAIL_MAX:
            victim = min(self._tail.values(), key=lambda row: (row.rank, row.id))
            del self._tail[victim.id]
            self.dropped += 1

    def after(self, row_id: int, limit: int) -> list[Row]:
        """The next messages that wait, oldest first."""
        found: list[Row] = []
        if self._store:
            try:
                found = self._store.rows(row_id, limit)
            except StorageError as error:
                self._failed(error)
                self._close_store()
        for row in self._tail.values():
            if len(found) == limit:
                break
            if row.id > row_id:
                found.append(row)
        return found

    def delivered(self, row_id: int) -> None:
        """The broker has it. One that has expired, was thinned or purged meanwhile is passed over."""
        if self._tail.pop(row_id, None) is None and not self._delivered_on_disk(row_id):
            return
        if not len(self) and (self._store or not self.trouble):
            self._purge_if_possible()

    def _delivered_on_disk(self, row_id: int) -> bool:
        if not self._store:
            return False
        try:
            marked = self._store.deliver(row_id)
        except StorageError as error:
            self._failed(error)
            return False
        if marked:
            self._be_due_in(COMMIT_S)
        return marked

    def tick(self, wall: float | None) -> None:
        """Commits and expires when due. `wall` is None while it is not trusted."""
        now = self._clock.monotonic()
        if self._due is not None and now >= self._due:
            self.commit()
        if len(self) and now >= self._expire_at:
            self._expire_at = now + EXPIRE_EVERY_S
            self._expire(Now(self._session, self._opened, now, wall))

    def commit(self) -> None:
        """Brings the disk up to date; where that fails the tail stays in memory."""
        self._due = None
        began = self._clock.monotonic()
        if not self._store:
            self._open()
        if not self._store:
            return
        try:
            self._store.write(list(self._tail.values()))
            self._tail = {}
            self.dropped += self._store.thin(self.limits.max_mb * 1e6)
        except StorageError as error:
            self._failed(error)
            return
        took = self._clock.monotonic() - began
        if took > SLOW_S:
            if not self.trouble:
                log.warning("outbox: %s: the disk took %.0f s to write; is it failing?", self._path, took)
            self.trouble = f"{self._path}: the disk took {took:.0f} s to write"
            self._slow_until = began + took + RETRY_S  # one quick write says little
        elif self.trouble and began >= self._slow_until:
            log.info("outbox: %s can be written again", self._path)
            self.trouble = ""
        if not len(self):
            self._purge_if_possible()

    def purge(self) -> None:
        """Forgets everything, on disk and in memory; StorageError if the file cannot be deleted.

        A file that could not be deleted is not opened again before it is: nothing in it is sent any more.
        """
        self._tail, self._due = {}, None
        self._close_store()
        self._to_delete = True
        try:
            remove(self._path)
        except StorageError:
            self._be_due_in(RETRY_S)
            raise
        self._to_delete = False
        if self.trouble:  # nothing waits, and yet the owner wants to know when the disk is well again
            self._be_due_in(RETRY_S)

    def _purge_if_possible(self) -> None:
        try:
            self.purge()
        except StorageError as error:
            self._failed(error)

    def close(self) -> None:
        """Commits what waits and closes the file."""
        if self._tail or (self._store and self._due is not None):
            self.commit()
        if self._tail:
            log.warning("outbox: %d messages are lost with this session: %s", len(self._tail), self.trouble)
        self._close_store()

    def _expire(self, now: Now) -> None:
        max_age = self.limits.max_age_h * 3600
        old = [row.id for row in self._tail.values() if now.monotonic - row.monotonic > max_age]
        for row_id in old:
            del self._tail[row_id]
        self.dropped += len(old)
        if self._store:
            try:
                self.dropped += self._store.expire(now, max_age)
            except StorageError as error:
                self._failed(error)
        if not len(self) and (self._store or not self.trouble):
            self._purge_if_possible()

    def _open(self) -> None:
        try:
            if self._to_delete:
                remove(self._path)
                self._to_delete = False
            self._store = OutboxStore(self._path, self._written)
        except StorageError as error:
            self._failed(error)
            return
        self._last_id = max(self._last_id, self._store.last_id)

    def _failed(self, error: StorageError) -> None:
        """Full, read-only or broken: say so once, keep a tail in memory, try again later."""
        if isinstance(error, DamagedDatabase):
            log.warning("outbox: %s; the file is deleted, what waited in it is lost", error)
            error = self._start_over() or error
            if not self._path.exists():
                return
        if not self.trouble:
            log.warning(
                "outbox: %s; free space or check the permissions; until then at most %d messages wait in memory",
                error,
                TAIL_MAX,
            )
        self.trouble = str(error)
        self._last_id = self._last_id if self._store else max(self._last_id, _ABOVE_ANY)
        self._be_due_in(RETRY_S)

    def _start_over(self) -> StorageError | None:
        """Deletes a damaged file rather than keep it aside: it holds what privacy may want forgotten."""
        if self._store:
            self.dropped += self._store.waiting
        self._close_store()
        try:
            remove(self._path)
        except StorageError as error:
            return error
        self._be_due_in(COMMIT_S)
        return None

    def _close_store(self) -> None:
        if self._store:
            self._store.close()
            self._store = None

    def _be_due_in(self, seconds: float) -> None:
        if self._due is None:
            self._due = self._clock.monotonic() + seconds
