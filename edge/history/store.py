"""The history's file: an SQLite table with a row for each minute. Knows SQL, no policy of when to write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge.device.clock import DailyCount
from edge.device.database import Database
from edge.history.minutes import STATES, Minute, Total
from edge.readings import LABELS

_LAYOUT = 1  # user_version of the file
_STATES = [f"{state}_ds" for state in STATES]
_SHARES = [f"{label}_permille" for label in LABELS]
_COLUMNS = ["begin", "watched_ds", "people_ds", "most", *_STATES, *_SHARES]


class HistoryStore:
    """Opens the file, or creates it readable by its owner alone. Used by one thread at a time."""

    def __init__(self, path: Path, written: DailyCount | None = None) -> None:
        self.file = Database(path, _LAYOUT, _create, timeout=1.0, overwrite_deleted=True, written=written)

    def write(self, minutes: Iterable[Minute]) -> None:
        """Add some minutes in one commit; one that begins in the same second replaces the one before."""
        rows = [
            (each.begin, each.watched, each.people, each.most, *each.states, *(each.shares or [None] * len(LABELS)))
            for each in minutes
        ]
        places = ", ".join("?" * len(_COLUMNS))
        with self.file.transaction():
            self.file.execute_many(f"INSERT OR REPLACE INTO minutes VALUES ({places})", rows)  # noqa: S608 (constants)
        self.file.count_written()

    def delete(self, *, before: float | None = None, since: float | None = None) -> int:
        """Delete what began before a time of day, what ended after one, or everything; returns how many went."""
        where, limits = "1", ()  # type: tuple[str, tuple[float, ...]]
        if before is not None:
            where, limits = "begin < ?", (before,)
        elif since is not None:
            where, limits = "begin + watched_ds / 10.0 > ?", (since,)
        with self.file.transaction():
            gone = self.file.execute(f"DELETE FROM minutes WHERE {where}", limits).rowcount  # noqa: S608 (constants)
        if gone:  # the journal still holds what was deleted
            self.file.count_written(fold=True)
        return int(gone)

    def between(self, start: float, end: float) -> list[Minute]:
        """The minutes that began within a time, in order."""
        with self.file.mapped():
            rows = self.file.execute(
                "SELECT * FROM minutes WHERE begin >= ? AND begin < ? ORDER BY begin", (start, end)
            )
            return [_minute(row) for row in rows]

    def totals(self, start: int, end: int, step: int) -> dict[int, Total]:
        """The same summed up over each `step` seconds after `start`; only steps of which something is known."""
        sums = ", ".join(f"sum({name})" for name in ("watched_ds", "people_ds", *_STATES))
        with self.file.mapped():
            rows = self.file.execute(
                f"SELECT (begin - ?) / ? AS step, max(most), {sums} FROM minutes "  # noqa: S608 (constants)
                "WHERE begin >= ? AND begin < ? GROUP BY step",
                (start, step, start, end),
            ).fetchall()
        return {at: Total(watched, people, most, tuple(states)) for at, most, watched, people, *states in rows}

    def first(self) -> int | None:
        """When the oldest minute began."""
        with self.file.mapped():
            (begin,) = self.file.execute("SELECT min(begin) FROM minutes").fetchone()
        return None if begin is None else int(begin)

    def close(self) -> None:
        """Folds the journal in and closes the file, which stays."""
        self.file.close()


def _create(db: Database) -> None:
    columns = ", ".join(f"{name} INTEGER" for name in _COLUMNS[1:])
    db.execute(f"CREATE TABLE minutes (begin INTEGER PRIMARY KEY, {columns})")


def _minute(row: tuple[int, ...]) -> Minute:
    begin, watched, people, most = row[:4]
    states, shares = row[4 : 4 + len(STATES)], row[4 + len(STATES) :]
    return Minute(begin, watched, people, most, tuple(states), None if None in shares else tuple(shares))
