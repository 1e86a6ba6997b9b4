"""With a real TimescaleDB, Apache edition, where scripts/fleet-test has made its tree: the same schema and commands."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edge.fleet.facts import fact
from edge.fleet.store import Store
from tests.fleet.trial.brokers import TREE
from tests.helpers.broker import wait_for
from tests.helpers.postgres import Make, Postgres, connects

pytestmark = pytest.mark.slow


@pytest.fixture
def timescale() -> Iterator[Store]:
    """Empty, with the extension that can be made there."""
    programs = TREE / "usr/lib/postgresql/17/bin"
    if not (programs.parent / "lib/timescaledb.so").exists() or os.geteuid() != 0:
        pytest.skip("no TimescaleDB here: run scripts/fleet-test as root once")
    pytest.importorskip("psycopg", reason="psycopg is not here")
    folder = Path(tempfile.mkdtemp(prefix="emotion-timescale-", dir=TREE / "tmp"))
    settings = "shared_preload_libraries='timescaledb'\ntimescaledb.telemetry_level=off\n"
    server = Postgres(folder, programs, TREE, settings)
    server.start()
    store = Store(server.url)
    wait_for(lambda: connects(store), 20, "the database")
    yield store
    store.close()
    server.stop()
    shutil.rmtree(folder)


def test_large_tables_are_hypertables_and_everything_works_as_without(timescale: Store, make: Make) -> None:
    timescale.create()
    tables = "select hypertable_name from timescaledb_information.hypertables order by 1"
    assert timescale.run(tables) == [("fact",), ("health",)]
    timescale.create()  # as after an upgrade
    then = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    facts = []
    for number in range(8):
        info = make(1, version="1", board="", models={}, config={"device": {"site": "north", "group": "hall"}})
        minute = make(1, ts=then.isoformat(), seconds=60.0, time_in_state_s={"happy": 60.0}, people_max=1, valence=0.5)
        facts.append(fact(f"emotion/north/hall/hall-{number}/info", json.dumps(info).encode()))
        facts.append(fact(f"emotion/north/hall/hall-{number}/summary", json.dumps(minute).encode()))
        facts.append(fact(f"emotion/north/hall/hall-{number}/health", json.dumps(make(1, fps=15.0)).encode()))
    assert timescale.put(facts).new == 8
    again = timescale.put(facts)
    assert (again.new, again.doubled) == (0, 8)
    old = make(2, ts=(then - timedelta(days=400)).isoformat(), label="happy")  # in a chunk of its own
    assert timescale.put([fact("emotion/north/hall/hall-0/state", json.dumps(old).encode())]).new == 1
    assert timescale.run("select roll_up(%s)", (then - timedelta(hours=1),)) == [(8,)]
    assert timescale.run("select grp, label, share from group_mood") == [("hall", "happy", 1)]
    timescale.run("select forget_old()")
    timescale.run("select forget_device('north/hall-0')")
    assert timescale.run("select count(*), count(distinct device) from fact") == [(7, 7)]


def test_plain_tables_become_hypertables_with_what_is_in_them(timescale: Store, make: Make) -> None:
    """A database that had no TimescaleDB, and gets it."""
    sql = "create table fact (ts timestamptz not null, at timestamptz not null default now(), device text not null,"
    timescale.run(
        f"{sql} session text not null, kind text not null, seq bigint not null, synced boolean not null,"
        " late boolean not null, document jsonb not null)"
    )
    timescale.run("insert into fact values (now(), now(), 'door', 's', 'state', 1, true, false, '{}')")
    timescale.create()
    assert timescale.run("select count(*) from timescaledb_information.chunks where hypertable_name = 'fact'") == [(1,)]
    assert timescale.run("select device from fact") == [("door",)]
