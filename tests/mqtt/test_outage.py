"""The broker goes and comes back: nothing that is kept gets lost, nothing old goes out as live."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from edge.config import schema
from edge.errors import BrokerError
from edge.messages.payloads import EventPayload, Payload, ReadingPayload, StatePayload, SummaryPayload
from tests.mqtt.parts import QUICK, Ear, Mosquitto, Rig, until

Number = tuple[str, str, int]  # session, topic, seq


def event(people: int = 1) -> EventPayload:
    return EventPayload(event="person_appeared", people=people)


def state() -> StatePayload:
    return StatePayload(label="happy", confidence=0.9, since="", for_s=3.0, people=1, modalities=("face",))


def reading() -> ReadingPayload:
    return ReadingPayload(probabilities={}, label="sad", confidence=0.5, valence=0, arousal=0, people=1)


def summary() -> SummaryPayload:
    return SummaryPayload(seconds=60, probabilities=None, time_in_state_s={}, people_mean=0, people_max=0)


def numbers(ear: Ear, *topics: str) -> list[Number]:
    """Of all that arrived, live and as backlog, in the order of arrival."""
    found = []
    for heard in list(ear.heard):
        if heard.topic == "backlog":
            told, topic = heard.json["payload"], heard.json["topic"]
        elif heard.topic in topics:
            told, topic = heard.json, heard.topic
        else:
            continue
        found.append((told["session"], topic, told["seq"]))
    return found


def complete(ear: Ear, session: str, topic: str) -> int:
    """How far the numbers of a topic go without a gap."""
    have = {seq for of, name, seq in numbers(ear, topic) if (of, name) == (session, topic)}
    return next(seq for seq in range(len(have) + 1) if seq + 1 not in have)


def test_killed_and_back_under_load(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], tmp_path: Path) -> None:
    rig = publish(broker.port).ready()
    publisher = rig.publisher
    stop = threading.Event()
    told = {"event": 0, "state": 0, "summary": 0}

    def talk() -> None:
        payloads: dict[str, Payload] = {"event": event(), "state": state(), "summary": summary()}
        while not stop.is_set():
            for topic, payload in payloads.items():
                publisher.publish(topic, payload)
                told[topic] += 1
            publisher.publish("reading", reading())
            time.sleep(0.01)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        for _ in range(2):
            time.sleep(0.3)
            broker.kill()
            until(lambda: not publisher.connected and not ear.subscribed)
            time.sleep(0.3)
            # The observer first, or it could not vouch for what is said before it listens.
            _return_for_observer_first(rig, broker, ear)
        time.sleep(0.2)
    finally:
        stop.set()
        talker.join()
    for topic, count in told.items():
        until(lambda topic=topic, count=count: complete(ear, publisher.session, topic) == count, what=topic)  # type: ignore[misc]
    backlog = {each.json["seq"] for each in ear.on("backlog")}
    assert backlog == set(range(1, len(backlog) + 1))
    assert {each.json["topic"] for each in ear.on("backlog")} == set(told)
    for heard in ear.heard:
        if heard.topic in {*told, "reading"}:
            assert heard.at - _epoch(heard.json["ts"]) < 5
    until(lambda: not list((tmp_path / "state").iterdir()), what="the file is gone once it is empty")
    until(lambda: publisher.status().outbox == 0)
    assert (publisher.status().dropped, publisher.status().connections) == (0, 3)


def _return_for_observer_first(rig: Rig, broker: Mosquitto, ear: Ear) -> None:
    connection = rig.publisher._reconnector
    connection.leaving = True  # holds our own dialling back
    broker.start()
    ear.wait()
    connection.leaving = False
    rig.ready()


def _epoch(ts: str) -> float:
    return datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp()


def test_backlog_is_in_order_and_readings_are_not_in_it(
    broker: Mosquitto, listen: Callable[..., Ear], publish: Callable[..., Rig]
) -> None:
    publisher = publish(broker.port).ready().publisher
    broker.kill()
    until(lambda: not publisher.connected)
    for people in range(50):
        publisher.publish("event", event(people))
        publisher.publish("state", state())
        publisher.publish("reading", reading())
    until(lambda: publisher.status().outbox == 100)
    broker.start()
    ear = listen()
    until(lambda: len(ear.on("backlog")) >= 100 or _drained(publisher, ear))
    arrived = [(each.json["topic"], each.json["payload"]["seq"]) for each in ear.on("backlog")]
    expected = [(topic, seq) for seq in range(1, 51) for topic in ("event", "state")]
    assert arrived == expected[len(expected) - len(arrived) :]  # it may have begun before we listened
    publisher.publish("reading", reading())
    until(lambda: ear.on("reading"))
    assert ear.on("reading")[0].json["seq"] == 1  # those of the outage took no number


def _drained(publisher: object, ear: Ear) -> bool:
    return publisher.status().outbox == 0 and bool(ear.on("backlog"))  # type: ignore[attr-defined]


def test_live_messages_are_not_held_up_by_a_long_backlog(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]
) -> None:
    rig = publish(broker.port, start=False, retry=replace(QUICK, backlog_per_s=100.0))
    old = time.monotonic() - 10
    for _ in range(120):
        rig.publisher.publish("event", event(), captured=old)
    rig.publisher.start()
    rig.ready()
    until(lambda: ear.on("backlog"))
    rig.publisher.publish("event", event())
    until(lambda: ear.on("event"), 0.5)
    assert len(ear.on("backlog")) < 100
    until(lambda: len(ear.on("backlog")) == 120)
    assert 0.9 < ear.on("backlog")[-1].at - ear.on("backlog")[0].at < 3


def test_an_earlier_session_is_delivered_with_its_own_numbers(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], listen: Callable[..., Ear], tmp_path: Path
) -> None:
    broker = mosquitto()
    broker.kill()
    first = publish(broker.port, session="first").publisher
    for people in range(5):
        first.publish("event", event(people))
    first.stop()
    file = tmp_path / "state" / "outbox.sqlite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    second = publish(broker.port, session="second").publisher
    second.publish("event", event())
    until(lambda: second.status().outbox == 6)
    broker.start()
    second._reconnector.leaving = True
    ear = listen(broker.port)
    second._reconnector.leaving = False
    until(lambda: complete(ear, "second", "event") == 1)
    assert numbers(ear)[-6:] == [*(("first", "event", seq) for seq in range(1, 6)), ("second", "event", 1)]
    assert {each.json["session"] for each in ear.on("backlog")} == {"second"}


def test_what_is_not_acknowledged_is_sent_again(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    """A broker that takes messages and then hangs for good: the link is given up, nothing is lost."""
    publisher = publish(broker.port).ready().publisher
    broker.send(signal.SIGSTOP)
    for people in range(40):
        publisher.publish("event", event(people))
    until(lambda: publisher.status().state == "unreachable", what="the link is given up")
    assert "stopped answering" in publisher.status().reason
    assert publisher.status().outbox == 40
    broker.send(signal.SIGCONT)
    until(lambda: complete(ear, publisher.session, "event") == 40)
    until(lambda: publisher.status().outbox == 0)


def test_stopping_while_the_broker_is_away_keeps_everything(publish: Callable[..., Rig], tmp_path: Path) -> None:
    publisher = publish(1).publisher
    until(lambda: publisher.status().state == "unreachable")
    for _ in range(30):
        publisher.publish("event", event())
    began = time.monotonic()
    publisher.stop()
    assert time.monotonic() - began < 2
    with sqlite3.connect(tmp_path / "state" / "outbox.sqlite") as database:
        assert database.execute("SELECT count(*) FROM waiting").fetchone() == (30,)
    database.close()


def test_nothing_is_written_while_connected(
    broker: Mosquitto, ear: Ear, publish: Callable[..., Rig], tmp_path: Path
) -> None:
    publisher = publish(broker.port).ready().publisher
    for _ in range(300):
        publisher.publish("event", event())
    until(lambda: len(ear.on("event")) == 300)
    assert publisher.status().disk_bytes_today == 0
    assert not (tmp_path / "state").exists()


def test_purge_forgets_disk_and_memory(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], listen: Callable[..., Ear], tmp_path: Path
) -> None:
    broker = mosquitto()
    broker.kill()
    publisher = publish(broker.port).publisher
    publisher.publish("event", event(7))
    until((tmp_path / "state" / "outbox.sqlite").exists)
    publisher.publish("event", event(8))
    publisher.publish("privacy", "ON")
    publisher.purge()
    assert not list((tmp_path / "state").iterdir())
    broker.start()
    ear = listen(broker.port)
    until(lambda: publisher.connected)
    publisher.publish("event", event(9))
    until(lambda: ear.on("event") and ear.on("privacy"))
    assert not ear.on("backlog")
    assert [each.json["people"] for each in ear.on("event")] == [9]


def test_purge_reaches_what_is_under_way(broker: Mosquitto, ear: Ear, publish: Callable[..., Rig]) -> None:
    publisher = publish(broker.port).ready().publisher
    broker.send(signal.SIGSTOP)
    publisher.publish("event", event())
    time.sleep(0.1)
    publisher.purge()
    until(lambda: publisher.status().state == "unreachable")
    assert publisher.status().outbox == 0


def test_purge_before_the_start(publish: Callable[..., Rig], tmp_path: Path) -> None:
    publisher = publish(1).publisher
    publisher.publish("event", event())
    publisher.stop()
    assert list((tmp_path / "state").iterdir())
    publish(1, start=False).publisher.purge()
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"", b"\0" * 8192])
def test_a_damaged_outbox_is_replaced(
    content: bytes, publish: Callable[..., Rig], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "outbox.sqlite").write_bytes(content)
    publisher = publish(1).publisher
    publisher.publish("event", event())
    until(lambda: publisher.status().disk_bytes_today > 0)
    assert publisher.status().outbox == 1
    assert not publisher.status().degraded
    assert ("deleted" in caplog.text) == bool(content)  # an empty file is as good as none


def test_a_folder_that_cannot_be_written_degrades(
    mosquitto: Callable[..., Mosquitto], publish: Callable[..., Rig], listen: Callable[..., Ear], tmp_path: Path
) -> None:
    """Kept in memory, said in the status, and delivered all the same."""
    (tmp_path / "state").write_text("a file where the folder should be")
    broker = mosquitto()
    broker.kill()
    publisher = publish(broker.port).publisher
    for _ in range(20):
        publisher.publish("event", event())
    until(lambda: publisher.status().degraded)
    assert "state" in publisher.status().degraded
    assert publisher.status().outbox == 20
    broker.start()
    publisher._reconnector.leaving = True
    ear = listen(broker.port)
    publisher._reconnector.leaving = False
    until(lambda: publisher.status().outbox == 0)
    assert complete(ear, publisher.session, "event") >= 19


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tiny disk, which needs root")
def test_a_full_disk_degrades_and_recovers(publish: Callable[..., Rig], tiny_disk: Path) -> None:
    filler = tiny_disk / "filler"
    filler.write_bytes(b"x" * 900_000)
    publisher = publish(1, folder=tiny_disk).publisher
    for _ in range(500):
        publisher.publish("event", event())
        publisher.publish("summary", summary())
    until(lambda: publisher.status().degraded)
    assert "full" in publisher.status().degraded
    assert publisher.status().outbox == 1000
    filler.unlink()
    publisher._outbox._due = 0.0  # now rather than in half a minute
    until(lambda: not publisher.status().degraded)
    assert publisher.status().outbox == 1000
    assert publisher.status().disk_bytes_today > 100_000


def test_an_owner_may_want_nothing_kept(publish: Callable[..., Rig], tmp_path: Path) -> None:
    publisher = publish(1, outbox=schema.OutboxConfig(max_mb=0)).publisher
    until(lambda: publisher.status().state == "unreachable")
    publisher.publish("event", event())
    time.sleep(1.2)
    assert publisher.status().outbox == 0
    assert not (tmp_path / "state").exists()


def test_no_broker_at_all_is_told_at_the_start(publish: Callable[..., Rig]) -> None:
    with pytest.raises(BrokerError, match=r"mqtt\.host"):
        publish(1, host="")
