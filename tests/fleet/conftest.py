"""A PostgreSQL and an authority of the tests' own, and messages as devices send them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.fleet.store import Store
from tests.helpers.broker import wait_for
from tests.helpers.postgres import PROGRAMS, Make, Postgres, connects
from tests.helpers.signing import Signing


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not here: apt install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not here")
    folder = Path(tempfile.mkdtemp(prefix="emotion-postgres-", dir="/tmp"))
    server = Postgres(folder, PROGRAMS[-1])
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def store(postgres: Postgres) -> Iterator[Store]:
    """Empty tables."""
    one = Store(postgres.url)
    wait_for(lambda: connects(one), 20, "the database")
    one.run("drop schema public cascade")
    one.run("create schema public")
    one.create()
    yield one
    one.close()


@pytest.fixture
def make() -> Make:
    """A payload with its head."""

    def one(seq: int, ts: str = "2026-11-20T10:00:00.000Z", session: str = "s1", **fields: Any) -> dict[str, Any]:
        return {"v": 1, "ts": ts, "clock": "synced", "session": session, "seq": seq, **fields}

    return one


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Signing]:
    """Made, and not yet started."""
    one = Signing(tmp_path / "authority")
    yield one
    one.stop()
