"""The wall clock jumps, or begins in 1970: what is printed shifts, ages and dwell do not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.alongside import alongside
from tests.faults.ledger import epoch
from tests.faults.rig import Rig

HOUR = 3600


class Wall:
    """libfaketime's: an offset in a file that the service looks at whenever it asks for the time. Monotonic is real."""

    def __init__(self, folder: Path, seconds: float) -> None:
        library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
        if library is None:
            pytest.skip("libfaketime is not installed: apt install libfaketime")
        self._file = folder / "offset"
        self.set(seconds)
        self.env = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: float) -> None:
        """Seconds off the real time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}s\n")
        fresh.replace(self._file)


def year(heard: dict[str, str]) -> str:
    return heard["ts"][:4]


def calm(rig: Rig, since: float) -> None:
    """For some states: one a second, nothing aged, no dwell cut short, and the loop's own time goes on evenly."""
    before = rig.next("health")
    rig.until(lambda: sum(m.at > before.at for m in rig.observer.on("/state")) >= 4, "states")
    after = rig.next("health")
    assert abs((after.json["uptime_s"] - before.json["uptime_s"]) - (after.at - before.at)) < 3.0
    for state in (m.json for m in rig.observer.on("/state") if m.at > since):
        assert 0 <= state["for_s"] < 600
    for left in (m.json for m in rig.observer.on("/event") if m.at > since and m.json["event"] == "state_left"):
        assert 0 <= left["lasted_s"] < 600
    for reading in (m.json for m in rig.observer.on("/reading") if m.at > since):
        for part in (reading["face"], reading["speech"]):
            assert part is None or 0 <= part["age_s"] < 5


@alongside()
def test_an_hour_forward_and_back(rig: Rig) -> None:
    wall = Wall(rig.folder, 0)
    service = rig.start(env=wall.env)
    rig.wait("reading")
    for jump in (HOUR, 0, -HOUR, 0):
        wall.set(jump)
        jumped = time.time()
        rig.next("health", lambda m, jump=jump: abs(_off(m.json, m.at) - jump) < 30)  # type: ignore[misc]
        calm(rig, jumped)
    rig.wire.set("refuse")
    rig.until(rig.waiting, "messages that wait")
    wall.set(HOUR)  # none of them grows old by that
    before = rig.waiting()
    rig.until(lambda: rig.waiting() > before, "more of them")
    rig.back_after(lambda: rig.wire.set("pass"))
    rig.drained()
    rig.ledger(ages=False).check()
    assert rig.health()["lost"] == 0
    assert service.stop() == 0


@alongside()
def test_boots_in_1970_and_is_set_later(rig: Rig) -> None:
    wall = Wall(rig.folder, 30 - time.time())
    service = rig.start(env=wall.env)
    first = rig.wait("state").json
    assert (year(first), first["clock"]) == ("1970", "unsynced")
    calm(rig, time.time())
    rig.wire.set("refuse")
    rig.until(lambda: rig.waiting() >= 2, "messages that wait")
    wall.set(0)
    rig.until(lambda: rig.waiting() >= 4, "more of them")
    back = rig.back_after(lambda: rig.wire.set("pass"))
    rig.drained()
    now = rig.next("state").json
    assert year(now) != "1970"
    calm(rig, back)
    ledger = rig.ledger(ages=False)
    ledger.check()
    waited = [m.json["payload"] for m in rig.observer.on("/backlog")]
    assert len(waited) >= 4
    if now["clock"] == "synced":  # then what was stored before bears the right time, too
        assert {year(each) for each in waited} == {year(now)}
    assert rig.health()["lost"] == 0
    assert service.stop() == 0


def _off(payload: dict[str, str], at: float) -> float:
    return epoch(payload["ts"]) - at
