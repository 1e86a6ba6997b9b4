"""A job goes through a fleet in waves and stops where it should; decided without broker and clock, then with both."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.commands.fleet_rollout import patiently
from edge.errors import BrokerError, StorageError
from edge.fleet.rollout import JobStatus, Outcome, Plan, roll_out, waves
from edge.fleet.store import Store
from edge.mqtt.session import NotPermitted
from tests.helpers.broker import Broker, Observer, wait_for
from tests.helpers.postgres import Make, Postgres, collector, connects
from tests.helpers.service import Run

TEN = [f"d{n}" for n in range(10)]


@given(st.integers(1, 50), st.integers(-3, 60), st.floats(0.1, 100), st.sampled_from([0.0, 5.0]))
def test_every_device_has_one_turn(devices: int, canary: int, percent: float, percent_a_minute: float) -> None:
    names = [str(n) for n in range(devices)]
    order = waves(names, Plan(canary=canary, percent=percent, percent_a_minute=percent_a_minute))
    assert [name for wave in order for name in wave] == names
    assert all(order)


class Fleet:
    """Devices that answer a job as they were told to, at the next look."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.ordered: list[str] = []
        self.at: dict[str, float] = {}
        self.taken_back: list[str] = []
        self.now = 0.0
        self._answers = answers
        self._states: dict[str, JobStatus] = {name: JobStatus("an older job", "rolled back") for name in TEN}

    def order(self, device: str, do: bool) -> None:
        (self.ordered if do else self.taken_back).append(device)
        if do:
            self.at[device] = self.now
        if do and device in self._answers:
            self._states[device] = JobStatus("face-4", self._answers[device], "why")

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def roll(self, plan: Plan, approve: int = 99) -> Outcome:
        return roll_out(
            "face-4", TEN, plan, order=self.order, states=lambda: self._states, pause=self.pause,
            monotonic=lambda: self.now, approve=lambda wave, _: wave < approve,
        )  # fmt: skip


def test_a_good_one_reaches_everybody() -> None:
    fleet = Fleet(dict.fromkeys(TEN, "done"))
    outcome = fleet.roll(Plan(canary=2, percent=40))
    assert (outcome.waves, outcome.stopped, outcome.errors) == (3, "", {})
    assert fleet.ordered == TEN


@pytest.mark.parametrize("state", ["rolled back", "refused", "failed"])
def test_a_bad_one_stops_at_its_canary(state: str) -> None:
    fleet = Fleet(dict.fromkeys(TEN, state))
    outcome = fleet.roll(Plan(canary=2))
    assert fleet.ordered == TEN[:2]
    assert outcome.waves == 1
    assert f"d0: {state}, why" in outcome.stopped
    assert outcome.devices["d9"].state == "not started"


def test_errors_are_allowed_up_to_the_threshold() -> None:
    answers = {**dict.fromkeys(TEN, "done"), "d1": "rolled back", "d4": "refused"}
    assert Fleet(answers).roll(Plan(errors=2)).stopped == ""
    outcome = Fleet(answers).roll(Plan(errors=1, percent=20))
    assert outcome.waves == 3
    assert "2 of 5 devices failed, 1 may" in outcome.stopped


def test_one_that_is_stuck_times_out_and_the_job_is_taken_back_from_it() -> None:
    answers = dict.fromkeys(TEN, "done")
    del answers["d0"]
    fleet = Fleet(answers)
    outcome = fleet.roll(Plan(canary=2, deadline_s=60))
    assert (outcome.devices["d0"].state, outcome.devices["d1"].state) == ("timed out", "done")
    assert fleet.taken_back == ["d0"]
    assert 60 <= fleet.now < 63
    assert Fleet({**answers, "d0": "watching"}).roll(Plan(canary=1, deadline_s=60)).devices["d0"].state == "timed out"


def test_by_the_minute_devices_begin_one_after_the_other_and_wait_for_none_but_the_canary() -> None:
    answers = dict.fromkeys(TEN, "done")
    del answers["d3"]  # it keeps nobody waiting
    fleet = Fleet(answers)
    outcome = fleet.roll(Plan(canary=2, percent_a_minute=30, errors=1, deadline_s=300))
    assert (outcome.waves, outcome.stopped, outcome.begun) == (2, "", 10)
    assert [fleet.at[name] for name in TEN] == [0, 0, *range(0, 160, 20)]
    assert (fleet.taken_back, 320 <= fleet.now <= 323) == (["d3"], True)  # each has its own time
    assert fleet.roll(Plan(canary=1, percent_a_minute=30), approve=1).stopped == "wave 1 was not approved"


def test_by_the_minute_it_stops_as_soon_as_too_many_failed() -> None:
    answers = {**dict.fromkeys(TEN, "done"), "d4": "rolled back"}
    del answers["d3"]
    fleet = Fleet(answers)
    outcome = fleet.roll(Plan(canary=2, percent_a_minute=30, deadline_s=300))
    assert fleet.ordered == TEN[:5]
    assert fleet.taken_back == ["d3"]
    assert outcome.stopped == "1 of 5 devices failed, 0 may; d4: rolled back, why"
    assert {outcome.devices[name].state for name in ("d3", "d5", "d9")} == {"not started"}


def test_interrupted_it_leaves_no_job_behind_that_has_not_ended() -> None:
    fleet = Fleet({"d0": "done"})

    def pause(seconds: float) -> None:
        fleet.now += seconds
        if fleet.now > 30:
            raise KeyboardInterrupt

    fleet.pause = pause  # type: ignore[method-assign]
    outcome = fleet.roll(Plan(canary=2))
    assert (outcome.stopped, fleet.taken_back) == ("interrupted", ["d1"])
    assert (outcome.devices["d0"].state, outcome.devices["d1"].state) == ("done", "not started")


def test_database_and_broker_may_restart_meanwhile_and_nobody_waits_for_ever() -> None:
    class Away:
        connects = 0

        def connect(self) -> None:
            self.connects += 1
            raise StorageError("database: starting up")

    store = Away()
    pauses: list[float] = []
    errors: list[Exception] = [StorageError("database: gone"), BrokerError("the connection was lost")]

    def act() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert patiently(act, store, pauses.append) == "done"  # type: ignore[arg-type]
    assert (store.connects, pauses) == (2, [5.0, 5.0])
    errors += [NotPermitted("no")]
    with pytest.raises(NotPermitted):
        patiently(act, store, pauses.append)  # type: ignore[arg-type]
    errors += [StorageError("gone")] * 100
    with pytest.raises(StorageError):
        patiently(act, store, pauses.append)  # type: ignore[arg-type]
    assert sum(pauses) == 10 + 300


def test_nothing_begins_without_approval() -> None:
    fleet = Fleet(dict.fromkeys(TEN, "done"))
    assert fleet.roll(Plan(canary=1), approve=1).stopped == "wave 1 was not approved"
    assert fleet.ordered == ["d0"]


@pytest.fixture
def answering(broker: Broker) -> Iterator[Broker]:
    """Devices that refuse every job, as real ones do with a model that nobody signed."""
    observer = Observer(broker.port, "fleet/acme/+/job")
    stop = threading.Event()

    def answer() -> None:
        done = 0
        while not stop.wait(0.05):
            for message in observer.messages[done:]:
                done += 1
                device = message.topic.split("/")[2]
                if message.payload:
                    said = {"v": 1, "ts": "2026-11-20T10:00:00.000Z", "clock": "synced", "session": "s", "seq": done,
                            "job": message.json["job"], "state": "refused", "reason": "is not signed"}  # fmt: skip
                    observer.send(f"emotion/acme/north/hall/{device}/job", json.dumps(said))

    thread = threading.Thread(target=answer)
    thread.start()
    yield broker
    stop.set()
    thread.join()
    observer.close()


@dataclass(frozen=True)
class Hall:
    """A group of three devices, as the database and its listeners know them."""

    heard: Observer
    database: str
    common: tuple[str, ...]  # options of the commands


@pytest.fixture
def hall(store: Store, postgres: Postgres, answering: Broker, make: Make) -> Iterator[Hall]:
    where = {"device": {"tenant": "acme", "site": "north", "group": "hall"}}
    with closing(Observer(answering.port, "fleet/#")) as heard, collector(answering, postgres, "a"):
        for name in ("door-1", "door-2", "door-3"):
            info = make(1, version="1", board="", models={}, config=where)
            heard.send(f"emotion/acme/north/hall/{name}/info", json.dumps(info))
            heard.send(f"emotion/acme/north/hall/{name}/availability", "online")
        there = "select count(*) from device where availability = 'online' and grp = 'hall'"
        wait_for(lambda: store.run(there) == [(3,)], 20, "devices")
        common = ("--tenant", "acme", "--broker", f"127.0.0.1:{answering.port}", "--database", postgres.url)
        yield Hall(heard, postgres.url, common)


MODEL = ("https://files.example/face.tar", "--model", "face", "--sha256", "0" * 64)


@pytest.mark.slow
def test_by_command_a_bad_model_stops_at_the_canary(hall: Hall, postgres: Postgres, store: Store, run: Run) -> None:
    def restart_database() -> None:
        hall.heard.wait("/job", 20)
        postgres.stop()
        postgres.start()

    restart = threading.Thread(target=restart_database)
    restart.start()
    status, out, err = run("fleet", "model", "face-9", *MODEL, *hall.common)
    restart.join()
    wait_for(lambda: connects(store), 20, "the database")
    assert (status, "trying again" in err) == (1, True)
    assert "wave 0: acme/door-1: refused (is not signed)" in out
    assert "1 refused" in out
    assert "stopped after 1 wave: 1 of 1 devices failed" in out
    assert {message.topic for message in hall.heard.messages if message.topic.endswith("/job")} == {
        "fleet/acme/door-1/job"
    }
    status, out, _ = run("fleet", "report", "face-9", "--database", hall.database)
    assert "acme/door-1" in out
    assert run("fleet", "model", "face-9", *MODEL, *hall.common)[0] == 78  # the same name again
    assert run("fleet", "model", "x", "http://files.example/x", *MODEL[1:], *hall.common)[0] == 78


@pytest.mark.slow
def test_by_command_at_so_many_percent_a_minute(hall: Hall, run: Run) -> None:
    given = ("face-10", *MODEL, *hall.common)
    assert run("fleet", "model", *given, "--percent-a-minute", "-1")[0] == 78
    status, out, err = run("fleet", "model", *given, "--errors", "3", "--percent-a-minute", "6000")
    assert (status, err) == (0, "")
    assert [line[:6] for line in out.splitlines()] == ["wave 0", "wave 1", "wave 1", "3 refu"]


@pytest.mark.slow
def test_by_command_packages_of_several_kinds(hall: Hall, run: Run, tmp_path: Path) -> None:
    debs = [tmp_path / f"emotion-edge_0.2.0~deb13_{processor}.deb" for processor in ("amd64", "arm64")]
    for deb in debs:
        deb.write_bytes(deb.name.encode())
    upgrade = ("fleet", "upgrade", "edge-2", *debs, "--at", "https://files.example/debs/", *hall.common)
    status, _, err = run(*upgrade)
    assert (status, "is not signed" in err) == (78, True)
    for deb in debs:
        deb.with_name(f"{deb.name}.sig").touch()
    status, out, _ = run(*upgrade)
    assert (status, "wave 0: acme/door-1: refused" in out) == (1, True)
    job = hall.heard.wait("/job", 5).json
    assert [each["architecture"] for each in job["packages"]] == ["amd64", "arm64"]
    assert job["packages"][1] == {
        "version": "0.2.0~deb13", "architecture": "arm64",
        "url": "https://files.example/debs/emotion-edge_0.2.0~deb13_arm64.deb",
        "sha256": hashlib.sha256(debs[1].read_bytes()).hexdigest(),
    }  # fmt: skip


@pytest.mark.slow
def test_by_command_documents_are_counted_and_sent_again(hall: Hall, run: Run) -> None:
    for version in (1, 2):
        status, out, _ = run("fleet", "config", "hall", f"decision.enter=0.{version + 4}", *hall.common)
        assert (status, f"version {version} for hall" in out) == (0, True)
    document = hall.heard.wait("/hall/desired", 5, lambda m: m.json["version"] == 2).json
    assert document == {"v": 1, "version": 2, "tenant": "acme", "values": {"decision.enter": 0.6}}
    run("fleet", "config", "door-2", "decision.enter=0.7", *hall.common)
    behind = run("fleet", "behind", "--database", hall.database)[1].splitlines()[1:]
    assert len(behind) == 4
    assert {line.split()[2] for line in behind if line.startswith("acme/door-2 ")} == {"hall", "door-2"}
    before = hall.heard.on("/hall/desired")[-1].payload
    assert run("fleet", "config", "hall", "--again", *hall.common)[0] == 0
    wait_for(lambda: len(hall.heard.on("/hall/desired")) == 3, 5, "the document once more")
    assert hall.heard.on("/hall/desired")[-1].payload == before
    status, out, _ = run("fleet", "watch", "--once", "--database", hall.database)
    assert "3 devices, 3 online" in out
    assert "3 behind" in out
