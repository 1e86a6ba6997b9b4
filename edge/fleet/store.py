"""Facts into PostgreSQL, in batches, each message once. Everything of a batch is stored or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.device import resources
from edge.errors import MissingPackage, StorageError
from edge.fleet.facts import FACTS, Fact

Parked = tuple[str, str, bytes]  # topic, reason, payload


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of a batch."""

    new: int
    doubled: int
    parked: int


class Store:
    """One connection; owned by one thread. After a StorageError `connect` must be called again."""

    def __init__(self, database: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise MissingPackage("PostgreSQL needs psycopg: pip install 'emotion-edge[fleet]'") from None
        self._psycopg: Any = psycopg
        self._database = database
        self._connection: Any = None

    def __enter__(self) -> Store:
        if self._connection is None:
            self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """StorageError if the database cannot be reached or refuses us."""
        self.close()
        try:
            self._connection = self._psycopg.connect(self._database, autocommit=True, connect_timeout=5)
        except self._psycopg.Error as error:
            raise StorageError(f"database: {_line(error)}") from None

    def create(self) -> None:
        """Make or upgrade all tables and views."""
        sql = (resources.firmware_config() / "fleet" / "sql" / "schema.sql").read_text("utf-8")
        self.run(sql)

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement; nothing for statements without rows."""
        connection = self._open()
        try:
            cursor = connection.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []
        except self._psycopg.Error as error:
            raise StorageError(f"database: {_line(error)}") from None

    def put(self, facts: Sequence[Fact], parked: Sequence[Parked] = ()) -> Stored:
        """Store a batch in one transaction."""
        connection = self._open()
        try:
            with connection.transaction(), connection.cursor() as cursor:
                _lock(cursor, sorted({each.device for each in facts}))
                new, doubled = self._facts(cursor, [each for each in facts if each.kind in FACTS])
                self._newest(cursor, [each for each in facts if each.kind not in FACTS])
                for topic, reason, payload in parked:
                    cursor.execute(
                        "insert into parked (topic, reason, payload) values (%s, %s, %s)",
                        (topic.replace("\0", ""), reason, payload[:4_000]),
                    )
        except self._psycopg.Error as error:
            raise StorageError(f"database: {_line(error)}") from None
        return Stored(new, doubled, len(parked))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Any:
        if self._connection is None:
            raise StorageError("database: there is no connection")
        return self._connection

    def _facts(self, cursor: Any, facts: list[Fact]) -> tuple[int, int]:
        if not facts:
            return 0, 0
        cursor.execute(
            "create temp table if not exists batch (ts timestamptz, device text, session text, kind text, seq bigint,"
            " synced boolean, late boolean, document jsonb) on commit delete rows"
        )
        with cursor.copy("copy batch from stdin") as copy:
            for each in facts:
                copy.write_row(
                    (
                        each.ts,
                        each.device,
                        each.session,
                        each.kind,
                        each.seq,
                        each.synced,
                        each.late,
                        _json(each.document),
                    )
                )
        cursor.execute(
            "with first as (select distinct on (device, session, kind, seq) * from batch),"
            " new as (insert into seen (device, session, kind, seq) select device, session, kind, seq from first"
            "  order by 1, 2, 3, 4 on conflict do nothing returning device, session, kind, seq)"
            " insert into fact (ts, device, session, kind, seq, synced, late, document)"
            " select ts, device, session, kind, seq, synced, late, document from first join new"
            " using (device, session, kind, seq) returning device"
        )
        new = Counter(device for (device,) in cursor.fetchall())
        sent = Counter(each.device for each in facts)
        cursor.execute(
            "insert into device (device) select distinct device from batch order by 1"
            " on conflict (device) do update set seen_at = now()"
        )
        again = sorted((sent - new).items())
        cursor.executemany(
            "insert into doubled values (%s, %s) on conflict (device) do update"
            " set messages = doubled.messages + excluded.messages",
            again,
        )
        return new.total(), sum(times for _, times in again)

    def _newest(self, cursor: Any, facts: list[Fact]) -> None:
        for each in sorted({(f.device, f.kind): f for f in facts}.values(), key=lambda f: (f.device, f.kind)):
            document = each.document
            if each.kind == "availability":
                cursor.execute(
                    "insert into device (device, availability, availability_at) values (%s, %s, now())"
                    " on conflict (device) do update set availability = excluded.availability, availability_at = now()",
                    (each.device, document["word"]),
                )
            elif each.kind == "info":
                where = document.get("config", {}).get("device", {})
                cursor.execute(
                    "insert into device (device, tenant, site, grp, version, models, board)"
                    " values (%s, %s, %s, %s, %s, %s, %s) on conflict (device) do update set tenant = excluded.tenant,"
                    " site = excluded.site, grp = excluded.grp, version = excluded.version, models = excluded.models,"
                    " board = excluded.board, seen_at = now()",
                    (
                        each.device,
                        *(str(where.get(name) or "") for name in ("tenant", "site", "group")),
                        str(document.get("version", "")),
                        _json(document.get("models", {})),
                        str(document.get("board", "")),
                    ),
                )
            elif each.kind in {"reported", "job"}:
                cursor.execute(
                    f"update device set {each.kind} = %s, {each.kind}_at = now() where device = %s",  # noqa: S608 - ours
                    (_json(document), each.device),
                )
        healths = [(each.device, _json(each.document)) for each in facts if each.kind == "health"]
        if healths:
            cursor.executemany("insert into health (device, document) values (%s, %s)", healths)
            cursor.execute("update device set seen_at = now() where device = any(%s)", ([name for name, _ in healths],))


def _lock(cursor: Any, devices: list[str]) -> None:
    """These rows for us alone, in one order for everybody: two copies with the same devices must not wait in a ring."""
    if devices:
        cursor.execute("insert into device (device) select unnest(%s::text[]) on conflict do nothing", (devices,))
        cursor.execute("select from device where device = any(%s) order by device for no key update", (devices,))


def _json(document: Any) -> str:
    return msgspec.json.encode(document).decode()


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
