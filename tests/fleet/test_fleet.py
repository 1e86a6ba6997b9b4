"""Messages become rows exactly once; poison is parked; nobody can be singled out in a group's mood."""

from __future__ import annotations

import json
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import StorageError
from edge.fleet.collect import Delivery, collect
from edge.fleet.facts import Poison, fact
from edge.fleet.store import Store
from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.postgres import Make, Postgres, collector, connects

pytestmark = pytest.mark.slow


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_topics_with_and_without_tenant_and_site_name_the_device(make: Make) -> None:
    for topic, device in (
        ("emotion/door/state", "door"),
        ("emotion/acme/door/state", "acme/door"),
        ("emotion/acme/north/hall/door/state", "acme/door"),
    ):
        one = fact(topic, encoded(make(1, label="happy")))
        assert (one.device, one.kind, one.seq, one.late) == (device, "state", 1, False)
    late = fact("emotion/door/backlog", encoded(make(9, topic="event", payload=make(4, event="person_gone"))))
    assert (late.kind, late.seq, late.late) == ("event", 4, True)


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("emotion/door/secret", {}), ("emotion/door/state", {"v": 2}), ("emotion/door/state", {"seq": True}),
        ("emotion/door/state", {"seq": 2**63}), ("emotion/door/state", {"session": ""}),
        ("emotion/door/state", {"ts": "yesterday"}), ("emotion/door/state", {"ts": "0016-01-01T00:00:00Z"}),
        ("emotion/door/state", {"label": "\0"}), ("emotion/door/backlog", {"topic": "health", "payload": {}}),
        ("emotion/a\0b/state", {}), (f"emotion/{'x' * 64}/state", {}), ("emotion//state", {}), ("other/door/state", {}),
        ("emotion/a/b/c/d/door/state", {}), ("emotion//door/state", {}),
        # What SQL could not compute with.
        ("emotion/door/summary", {"time_in_state_s": {}}), ("emotion/door/summary", {"seconds": 60.0}),
        ("emotion/door/summary", {"seconds": "a minute", "time_in_state_s": {}}),
        ("emotion/door/summary", {"seconds": 60.0, "time_in_state_s": [1]}),
        ("emotion/door/summary", {"seconds": 60.0, "time_in_state_s": {"sad": "long"}}),
        ("emotion/door/summary", {"seconds": 60.0, "time_in_state_s": {}, "people_max": 1.5}),
        ("emotion/door/summary", {"seconds": 60.0, "time_in_state_s": {}, "valence": "low"}),
        ("emotion/door/backlog", {"topic": "summary", "payload": {"seconds": -1}}),
        ("emotion/door/health", {"temperature_c": "hot"}), ("emotion/door/reported", {"documents": {"all": "x"}}),
        ("emotion/door/info", {"config": [1]}), ("emotion/door/info", {"config": {"device": "door"}}),
    ],
)  # fmt: skip
def test_what_is_no_fact_is_poison(make: Make, topic: str, change: dict[str, Any]) -> None:
    with pytest.raises(Poison):
        fact(topic, encoded({**make(1), **change}))
    assert fact("emotion/door/state", encoded(make(1)))  # so it is not the head


def test_a_device_is_where_its_topic_says(make: Make) -> None:
    """Or a tenant could put devices into another's groups, and take them out of its figures again."""
    claim = {"device": {"tenant": "acme", "site": "north", "group": "hall"}}
    assert fact("emotion/acme/north/hall/spy/info", encoded(make(1, config=claim)))
    for topic in ("emotion/rival/north/hall/spy/info", "emotion/spy/info", "emotion/rival/acme/north/spy/info"):
        with pytest.raises(Poison, match="says that it belongs to acme/north/hall"):
            fact(topic, encoded(make(1, config=claim)))
    with pytest.raises(Poison, match="belongs to nobody"):
        fact("emotion/acme/north/hall/spy/info", encoded(make(1, config={"device": {"tenant": None}})))


@given(st.text(), st.binary())
def test_nothing_but_poison_comes_of_nonsense(topic: str, payload: bytes) -> None:
    try:
        fact(topic, payload)
    except Poison:
        return


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.run(sql)


def test_each_message_is_stored_once_whatever_comes_twice(store: Store, make: Make) -> None:
    facts = [fact("emotion/door/state", encoded(make(n, label="happy"))) for n in (1, 2, 2, 4)]
    assert store.put(facts).new == 3
    again = store.put([*facts, fact("emotion/door/state", encoded(make(2, ts="2026-11-20T11:00:00Z", label="happy")))])
    assert (again.new, again.doubled) == (0, 5)
    assert rows(store, "select count(*) from fact") == [(3,)]
    assert rows(store, "select messages from doubled") == [(6,)]
    assert rows(store, "select device, kind, missing from fleet_lost") == [("door", "state", 1)]


def test_tenants_may_give_their_devices_the_same_name(store: Store, make: Make) -> None:
    """Whoever is first: neither keeps the other out, nor speaks for it, nor takes it out of its group."""

    def told(tenant: str, seq: int, kind: str, **fields: Any) -> Any:
        return fact(f"emotion/{tenant}/n/h/door/{kind}", encoded(make(seq, session="s", **fields)))

    def info(tenant: str) -> dict[str, Any]:
        return {"version": "1", "config": {"device": {"tenant": tenant, "site": "n", "group": "h"}}}

    store.put([told("rival", 1, "info", **info("rival")), told("rival", 1, "state")])
    stored = store.put([told("acme", 1, "info", **info("acme")), *(told("acme", n, "state") for n in (1, 2))])
    assert (stored.new, stored.parked) == (2, 0)
    assert rows(store, "select device, tenant from device order by 1") == [
        ("acme/door", "acme"),
        ("rival/door", "rival"),
    ]
    assert rows(store, "select device, count(*) from fact group by 1 order by 1") == [
        ("acme/door", 2),
        ("rival/door", 1),
    ]
    store.run("select forget_device('rival/door')")
    assert rows(store, "select distinct device from fact") == [("acme/door",)]


def test_an_hour_without_any_state_stops_no_roll_up(store: Store, make: Make) -> None:
    fill(store, make, {"hall": 8})
    empty = make(1, ts=HOUR.isoformat(), seconds=60.0, time_in_state_s={}, people_max=0)
    store.put([fact("emotion/north/attic/summary", encoded(empty))])
    store.run("select roll_up(%s)", (HOUR - timedelta(hours=1),))
    assert rows(store, "select moods from hour_of_device where device = 'north/attic'") == [({},)]
    assert moods(store) == {"hall": {"happy": 1.0}}


def test_info_and_health_tell_how_a_device_is(store: Store, make: Make) -> None:
    info = make(1, version="1.2", board="Pi 5", models={}, config={"device": {"site": "north", "group": "hall"}})
    health = make(1, fps=15.0, temperature_c=81.0, cpu_percent=9.0)
    store.put(
        [fact("emotion/north/hall/door/info", encoded(info)), fact("emotion/north/hall/door/health", encoded(health))]
    )
    store.put([fact("emotion/north/hall/door/availability", b"offline")])
    assert rows(store, "select device, site, grp, version, availability from fleet_devices") == [
        ("north/door", "north", "hall", "1.2", "offline")
    ]
    assert rows(store, "select device from fleet_hot") == [("north/door",)]
    assert rows(store, "select count(*) from fleet_silent") == [(0,)]


class Feed:
    """Deliveries at hand."""

    def __init__(self, messages: list[tuple[str, bytes]], done: Callable[[int], None]) -> None:
        self.reading = threading.Event()
        self.reading.set()
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        for number, (topic, payload) in enumerate(messages):
            self.deliveries.put(Delivery(topic, payload, lambda number=number: done(number)))  # type: ignore[misc]

    def start(self) -> None: ...
    def stop(self) -> None: ...


def test_poison_at_the_head_is_parked_and_what_is_behind_it_arrives(store: Store, make: Make) -> None:
    stop = threading.Event()
    acknowledged: list[int] = []

    def done(number: int) -> None:
        acknowledged.append(number)
        if number == 1:
            stop.set()

    totals = collect(
        Feed([("emotion/door/state", b"\xff{"), ("emotion/door/state", encoded(make(1)))], done), store, stop
    )
    assert (totals.new, totals.parked, acknowledged) == (1, 1, [0, 1])
    assert rows(store, "select topic, reason from parked") == [("emotion/door/state", "not JSON")]


def test_nothing_is_acknowledged_before_the_database_has_it(make: Make) -> None:
    stop = threading.Event()
    acknowledged: list[int] = []
    pauses: list[float] = []

    class Away:
        def put(self, facts: Any, parked: Any) -> Any:
            raise StorageError("database: the disk is full")

        def connect(self) -> None:
            raise StorageError("database: no")

    def pause(seconds: float) -> None:
        assert not acknowledged
        pauses.append(seconds)
        if len(pauses) == 7:
            stop.set()

    collect(Feed([("emotion/door/state", encoded(make(1)))], acknowledged.append), Away(), stop, pause)  # type: ignore[arg-type]
    assert acknowledged == []
    assert pauses == [0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0]


def test_a_database_that_is_away_is_tried_again_until_it_is_back(store: Store, postgres: Postgres, make: Make) -> None:
    stop = threading.Event()
    postgres.stop()
    tries: list[float] = []

    def pause(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) == 3:
            postgres.start()

    feed = Feed([("emotion/door/state", encoded(make(1)))], lambda _: stop.set())
    assert collect(feed, store, stop, pause).new == 1
    assert len(tries) >= 3


HOUR = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


def fill(
    store: Store, make: Make, groups: dict[str, int], label: Callable[[str, int], str] = lambda *_: "happy"
) -> None:
    """Groups of one site with so many devices, each with an hour of one state."""
    facts = []
    for group, devices in groups.items():
        for number in range(devices):
            name = f"{group}-{number}"
            info = make(1, version="1", board="", models={}, config={"device": {"site": "north", "group": group}})
            facts.append(fact(f"emotion/north/{group}/{name}/info", encoded(info)))
            minute = make(
                1, ts=HOUR.isoformat(), seconds=60.0, time_in_state_s={label(group, number): 60.0}, people_max=1,
                valence=0.5,
            )  # fmt: skip
            facts.append(fact(f"emotion/north/{group}/{name}/summary", encoded(minute)))
    store.put(facts)
    store.run("select roll_up(%s)", (HOUR - timedelta(hours=1),))


def moods(store: Store) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for group, label, share in store.run("select grp, label, share from group_mood"):
        found.setdefault(group, {})[label] = float(share)
    return found


def test_a_large_group_has_a_mood_and_a_small_one_none(store: Store, make: Make) -> None:
    fill(store, make, {"hall": 8}, lambda _, number: "sad" if number < 2 else "happy")
    assert moods(store) == {"hall": {"sad": 0.25, "happy": 0.75}}
    fill(store, make, {"attic": 1})
    assert "attic" not in moods(store)


def test_a_small_group_cannot_be_had_as_a_difference(store: Store, make: Make) -> None:
    """Were hall shown beside the whole of north, north minus hall would be the one person in the attic."""
    fill(store, make, {"hall": 8, "attic": 1})
    assert moods(store) == {}
    fill(store, make, {"cellar": 4})  # attic and cellar together are five: enough to hide in
    assert set(moods(store)) == {"hall"}


def test_the_hour_that_is_not_over_is_not_shown(store: Store, make: Make) -> None:
    """Two looks at a growing hour would give the minute between them."""
    fill(store, make, {"hall": 8})
    now = datetime.now(timezone.utc)
    store.put([fact(f"emotion/north/hall/hall-{n}/summary", encoded(make(2, ts=now.isoformat(), seconds=60.0, time_in_state_s={"sad": 60.0}, people_max=1))) for n in range(8)])  # fmt: skip  # noqa: E501
    store.run("select roll_up(%s)", (now - timedelta(hours=3),))
    assert moods(store) == {"hall": {"happy": 1.0}}


def test_forgetting_leaves_nothing(store: Store, make: Make) -> None:
    fill(store, make, {"hall": 2})
    store.run("select forget_device('north/hall-0')")
    for table in ("fact", "seen", "health", "hour_of_device", "device"):
        assert rows(store, f"select count(*) from {table} where device = 'north/hall-0'") == [(0,)]  # noqa: S608


@pytest.fixture
def deep_broker(tmp_path: Any) -> Any:
    """A broker that keeps what a collector has not taken."""
    one = Broker(tmp_path, "allow_anonymous true\nmax_inflight_messages 1000")
    one.start()
    yield one
    one.kill()


def test_nothing_is_lost_when_a_copy_is_killed_and_the_database_restarts(
    store: Store, postgres: Postgres, deep_broker: Broker, make: Make
) -> None:
    observer = Observer(deep_broker.port, "nothing")
    with (
        closing(observer),
        collector(deep_broker, postgres, "a") as first,
        collector(deep_broker, postgres, "b") as second,
    ):
        for n in range(1, 401):
            observer.send_quickly_qos1(f"emotion/dev{n % 7}/event", encoded(make(n, event="person_gone", people=0)))
            if n == 100:
                first.send_signal(signal.SIGKILL)
            if n == 200:
                postgres.stop()
            if n == 300:
                postgres.start()
        first.wait()
        wait_for(lambda: connects(store), 20, "the database")
        with collector(deep_broker, postgres, "a") as revived:
            wait_for(lambda: store.run("select count(*) from fact")[0][0] == 400, 60, "400 facts")
            for process in (second, revived):
                process.terminate()
                assert process.wait(20) == 0
        assert store.run("select count(*), count(distinct seq) from fact") == [(400, 400)]


def test_the_command_shows_the_fleet(store: Store, postgres: Postgres, make: Make, run: Any) -> None:
    fill(store, make, {"hall": 6})
    status, out, _ = run("fleet", "list", "--database", postgres.url)
    assert status == 0
    assert out.splitlines()[0].split()[:4] == ["device", "tenant", "site", "grp"]
    assert len(out.splitlines()) == 7
    status, out, _ = run("fleet", "mood", "--json", "--database", postgres.url)
    assert json.loads(out)["grp"] == "hall"
    status, _, said = run("fleet", "init", "--k", "1", "--database", postgres.url)
    assert (status, "would be somebody's" in said) == (78, True)
    assert run("fleet", "roll-up", "--database", postgres.url)[0] == 0
    assert run("fleet", "forget", "north/hall-0", "--database", postgres.url)[0] == 0
    assert run("fleet", "forget", "hall-1", "--database", postgres.url)[0] == 78
    assert run("fleet", "list", "--database", "postgresql://x@127.0.0.1:1/x")[0] == 1
