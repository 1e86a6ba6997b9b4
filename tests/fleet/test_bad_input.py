"""What comes wrong is refused, parked or waited for, told, and nothing behind it is lost.

Documents of another tenant, replays and future versions: test_desired.py; jobs: tests/update; what is poison:
test_fleet.py.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edge.fleet.facts import fact
from edge.fleet.store import Store
from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.postgres import Make, Postgres, collector
from tests.helpers.service import Run

pytestmark = pytest.mark.slow
NOW = datetime.now(timezone.utc)


@pytest.mark.parametrize("years", [10, -10])
@pytest.mark.parametrize("clock", ["synced", "unsynced"])
def test_a_clock_that_is_ten_years_off_is_named_and_spoils_nothing(
    store: Store, make: Make, years: int, clock: str
) -> None:
    then = NOW + timedelta(days=365 * years)
    minute = make(1, ts=then.isoformat(), seconds=60.0, time_in_state_s={"sad": 60.0}, people_max=9)
    store.put([fact("emotion/door/summary", json.dumps({**minute, "clock": clock}).encode())])
    right = make(1, ts=NOW.isoformat(), label="happy")
    store.put([fact("emotion/hall/state", json.dumps(right).encode())])
    assert store.run("select device from fleet_unsynced") == [("door",)]
    assert store.run("select count(*) from fleet_silent") == [(0,)]
    store.run("select roll_up(now() - interval '3 hours')")
    store.run("select forget_old()")
    assert store.run("select count(*) from fact where device = 'door'") == [(1,)]
    assert store.run("select count(*) from group_mood where hour > now()") == [(0,)]


def test_poison_at_the_head_of_the_queue_is_parked_and_told_and_what_is_behind_it_counts(
    store: Store, postgres: Postgres, broker: Broker, make: Make, run: Run
) -> None:
    hour = (NOW - timedelta(hours=1)).isoformat()
    minute = {"seconds": 60.0, "time_in_state_s": {"sad": 60.0}, "people_max": 1}
    poison = {
        "info": make(1, config=[1]),
        "summary": make(1, ts=hour, **{**minute, "seconds": "a minute"}),
        "health": make(1, temperature_c="hot"),
        "reported": make(1, documents={"all": "newest"}),
        "state": make(1, v=2, label="happy"),
    }
    with closing(Observer(broker.port, "nothing")) as device, collector(broker, postgres, "a") as process:
        for kind, document in poison.items():
            device.send(f"emotion/door/{kind}", json.dumps(document))
        device.send("emotion/door/event", b"\xff{")
        device.send("emotion/door/summary", json.dumps(make(2, ts=hour, **minute)))
        wait_for(lambda: store.run("select count(*) from fact") == [(1,)], 20, "what is behind it")
        assert process.poll() is None
    assert store.run("select count(*) from parked") == [(len(poison) + 1,)]
    for words in (("roll-up",), ("list",), ("hot",), ("behind",)):
        assert run("fleet", *words, "--database", postgres.url)[0] == 0
    assert "cannot be used" in run("fleet", "parked", "--database", postgres.url)[1]
    assert store.run("select device, seconds from hour_of_device") == [("door", 60.0)]


@pytest.fixture
def small_disk(store: Store) -> Iterator[Path]:
    """The facts lie on a disk of 1 MB."""
    folder = Path(tempfile.mkdtemp(prefix="emotion-disk-", dir="/tmp"))
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        folder.rmdir()
        pytest.skip("no right to mount here")
    who = pwd.getpwnam("postgres")
    os.chown(folder, who.pw_uid, who.pw_gid)
    folder.chmod(0o700)
    store.run(f"create tablespace small location '{folder}'")
    store.run("alter table fact set tablespace small")
    yield folder
    store.connect()
    store.run("alter table fact set tablespace pg_default")
    store.run("drop tablespace small")
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


def test_a_database_disk_that_is_full_loses_nothing(
    store: Store, postgres: Postgres, broker: Broker, make: Make, small_disk: Path
) -> None:
    padding = "x" * 4_000
    with closing(Observer(broker.port, "nothing")) as device, collector(broker, postgres, "a") as process:
        for number in range(1, 501):
            # what compresses to nothing would fit any disk
            noise = os.urandom(1_000).hex()
            said = make(number, label="happy", noise=noise, padding=padding)
            device.send_quickly_qos1("emotion/door/event", json.dumps(said).encode())
        wait_for(lambda: _full(small_disk), 60, "a full disk")
        stored = store.run("select count(*) from fact")[0][0]
        assert stored < 500
        assert process.poll() is None
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        wait_for(lambda: store.run("select count(*) from fact")[0][0] == 500, 90, "all that waited")
        assert store.run("select count(distinct seq) from fact") == [(500,)]


def _full(folder: Path) -> bool:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize < 16_384
