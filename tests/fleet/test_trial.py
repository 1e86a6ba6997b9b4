"""A small fleet on real brokers and a real database with every fault of scripts/fleet-test; and how it is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.trial.cost import cost, shown
from tests.fleet.trial.judge import Verdict, Window, compare, percentiles, settled, wrong
from tests.fleet.trial.storm import Return
from tests.fleet.trial.storm import wrong as wrong_in_storm
from tests.helpers.broker import MOSQUITTO
from tests.helpers.postgres import PROGRAMS

KEY = ("door", "s1", "state")


def test_what_is_missing_doubled_or_strange_is_seen() -> None:
    assert compare({KEY: 3}, [(*KEY, 3, 3)]) == Verdict(told=3, stored=3)
    assert compare({KEY: 3}, []).missing == 3
    assert compare({KEY: 3}, [(*KEY, 3, 2)]).missing == 1
    assert compare({KEY: 3}, [(*KEY, 4, 3)]).surplus == 1
    assert compare({KEY: 3}, [(*KEY, 4, 4)]).surplus == 1
    assert compare({KEY: 3}, [(*KEY, 3, 3), ("door", "s1", "event", 2, 2)]).surplus == 2


def test_the_figures() -> None:
    assert percentiles([]) == {}
    assert percentiles([float(n) for n in range(1, 101)]) == {"p50": 51.0, "p99": 100.0, "max": 100.0}
    assert settled([(10.0, 3), (12.0, 0), (17.0, 2), (18.5, 3)], 3, since=12.0) == 6.5
    assert settled([(10.0, 3), (12.0, 0)], 3, since=12.0) is None
    cut = Window("cut", "s2", 5.0, 9.0)
    assert (cut.holds("s2", 5.0), cut.holds("s1", 6.0), cut.holds("s2", 9.1)) == (True, False, False)


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (Verdict(), "nothing was told"),
        (Verdict(told=5, missing=1), "1 facts are missing"),
        (Verdict(told=5, surplus=1), "more than once"),
        (Verdict(told=5, dropped=1), "given up"),
        (Verdict(told=5, parked=1), "1 parked"),
        (Verdict(told=5, delay_s={"calm": {"p99": 5.1}}), "p99 of the delay calm is 5.1 s"),
        (Verdict(told=5, settled_s={"storm s1": 61.0}), "storm s1: not settled"),
        (Verdict(told=5, settled_s={"storm s1": -1.0}), "storm s1: not settled"),
        (Verdict(told=5, connects=2), "2 connects more"),
    ],
)
def test_what_does_not_hold_is_named(verdict: Verdict, why: str) -> None:
    (line,) = wrong(verdict, "calm")
    assert why in line


@pytest.mark.parametrize(
    ("returned", "more", "lost", "why"),
    [
        (Return("kept", 61.0), 0, 0, "kept: not settled"),
        (Return("kept"), 0, 0, "kept: not settled"),
        (Return("kept", 9.0), 3, 0, "3 connects more"),
        (Return("kept", 9.0), 0, 1, "1 messages were given up"),
    ],
)
def test_a_second_storm_is_named(returned: Return, more: int, lost: int, why: str) -> None:
    (line,) = wrong_in_storm([Return("forgotten", 20.0), returned], more, lost)
    assert why in line


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_nothing_is_lost_and_nothing_stored_twice(tmp_path: Path) -> None:
    if MOSQUITTO is None or not PROGRAMS:
        pytest.skip("mosquitto or PostgreSQL is not here: apt install mosquitto postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not here")
    record = tmp_path / "record.json"
    words = [
        "--devices",
        "16",
        "--sites",
        "2",
        "--nodes",
        "0",
        "--seconds",
        "22",
        "--ramp",
        "2",
        "--cut",
        "5",
        "--reading-hz",
        "0.1",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fleet.trial", *words, "--restart", "1 2", "--record", str(record)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert record.is_file(), done.stderr[-3000:]
    result = json.loads(record.read_text())["result"]
    lost = {key: result[key] for key in ("missing", "surplus", "dropped", "parked")}
    assert not any(lost.values()), (lost, done.stderr[-3000:])
    assert result["told"] == result["stored"] > 50
    assert set(result["settled_s"]) == {"start s1", "start s2", "storm s1"}


def test_the_cost_is_in_proportion_and_says_no_more_than_is_known() -> None:
    measured = {"device_seconds": 100, "facts": 20, "health": 5, "bytes_to_centre": 1_000_000,
                "bytes_in_database": {"fact": 2_000_000}, "cpu_s": {"centre": 1.0, "collectors": 0.5}}  # fmt: skip
    each = cost({"cost": measured}, 1_000)
    assert (each.messages_per_s, each.gb_to_centre, each.gb_in_database) == (250.0, 864.0, 1728.0)
    assert (each.centre_cores, each.collector_cores) == (10.0, 5.0)
    assert [shown(value) for value in (0.00641, 0.64, 6.44, 14.4, 144.0, 2_314.0, 23_140.0)] == [
        "0.0064", "0.64", "6.4", "14", "140", "2,300", "23,000",
    ]  # fmt: skip
