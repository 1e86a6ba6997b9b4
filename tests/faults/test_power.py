"""kill -9 and power cuts: whatever instant it is, the next start finds everything up to the last commit.

A power cut is a copy of the files as they are at a random instant: the process is stopped for the moment of the copy,
or, where loop devices are permitted, the disk itself is copied, without what the system had not written back yet.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.config import schema
from edge.mqtt.outbox import Outbox
from tests.faults.alongside import alongside
from tests.faults.disk import Disk
from tests.faults.rig import Rig
from tests.helpers.clock import FakeClock
from tests.helpers.service import Service, toml

CUTS = int(os.environ.get("EMOTION_EDGE_POWER_CUTS", "40"))  # a thousand: scripts/soak --power-cuts
PER_S = 200.0  # what the writer stores
LOST_AT_MOST_S = 5.0


class Writer:
    """A process that stores, delivers and commits as the service does, and says what is committed."""

    def __init__(self, folder: Path, within: Sequence[str] = ()) -> None:
        command = [*within, sys.executable, "-m", "tests.faults.writer", str(folder / "outbox.sqlite"), str(PER_S)]
        env = {**os.environ, "PYTHONPATH": Rig.repository}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said = b""

    @contextmanager
    def stopped(self) -> Iterator[tuple[int, int]]:
        """Frozen in whatever it does. Gives the newest number that it had said to be committed, and to be delivered."""
        self._process.send_signal(signal.SIGSTOP)
        while Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.0005)
        yield self._newest()
        self._process.send_signal(signal.SIGCONT)

    def _newest(self) -> tuple[int, int]:
        assert self._process.stdout is not None
        self._said += self._process.stdout.read() or b""
        lines = self._said.split(b"\n")
        self._said = b"\n".join(lines[-2:]) if len(lines) > 1 else self._said
        if len(lines) < 2:
            return 0, 0
        committed, delivered = json.loads(lines[-2])
        return committed, delivered

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _numbers(folder: Path) -> list[int]:
    """What a new session finds in the copy."""
    clock = FakeClock()
    outbox = Outbox(folder / "outbox.sqlite", schema.OutboxConfig(), "next", clock)
    outbox.find_earlier()
    assert not outbox.trouble
    rows = outbox.after(0, 1_000_000)
    assert outbox.dropped == 0
    assert len(outbox) == len(rows)
    for row in rows:
        assert json.loads(row.text)["number"] == int(row.topic.removeprefix("n")), "a text belongs to another number"
    outbox.close()
    return [int(row.topic.removeprefix("n")) for row in rows]


def _judge(found: list[int], committed: int, delivered: int) -> None:
    """`found` begins after what was delivered, has no hole, and reaches what was committed at least."""
    if not found:
        assert committed <= delivered
        return
    assert found == list(range(found[0], found[-1] + 1)), "there are holes, or the order is lost"
    assert found[-1] >= committed, f"{committed} was committed, {found[-1]} is the last that is there"
    assert found[0] <= max(delivered, 0) + 1, f"only {delivered} were delivered, {found[0]} is the first that is there"


def test_power_cuts_in_the_middle_of_outbox_writes(tmp_path: Path) -> None:
    """Copies of the files at random instants, torn journals among them."""
    rng = random.Random(7)
    state = tmp_path / "state"
    state.mkdir()
    writer = Writer(state)
    told = 0
    try:
        for number in range(CUTS):
            time.sleep(rng.uniform(0.0, 0.15))
            copy = tmp_path / f"copy-{number}"
            with writer.stopped() as (committed, delivered):
                shutil.copytree(state, copy)
            torn = tmp_path / f"torn-{number}"
            shutil.copytree(copy, torn)
            _judge(_numbers(copy), committed, delivered)
            journal = torn / "outbox.sqlite-wal"
            if journal.exists() and journal.stat().st_size > 4096:
                os.truncate(journal, rng.randrange(journal.stat().st_size))  # the last pages never reached the disk
                found = _numbers(torn)
                assert found == list(range(found[0], found[-1] + 1)) if found else True
            told = max(told, committed)
            shutil.rmtree(copy)
            shutil.rmtree(torn)
    finally:
        writer.end()
    assert told > 20, "it was written all the while"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a disk from a file, which needs root")
def test_power_cuts_of_a_real_disk(tmp_path: Path) -> None:
    """An ext4 on a loop device; its image is copied at random instants, and mounted again as after a power cut."""
    disk = Disk.make(tmp_path / "disk.img")
    if disk is None:
        pytest.skip("loop devices are not permitted here")
    rng = random.Random(8)
    cuts = max(CUTS // 8, 4)
    writer = None
    try:
        writer = Writer(disk.mounted, disk.within)
        for number in range(cuts):
            time.sleep(rng.uniform(0.05, 0.4))
            image = tmp_path / f"{number}.img"
            with writer.stopped() as (committed, delivered):
                shutil.copyfile(disk.image, image)
            after = Disk.mount(image)
            assert after is not None
            found = tmp_path / f"{number}"
            try:
                shutil.copytree(after.seen, found)
            finally:
                after.close()
            _judge(_numbers(found), committed, delivered)
            image.unlink()
        assert committed > 20
    finally:
        if writer is not None:
            writer.end()
        disk.close()


@alongside()
def test_killed_at_any_moment_it_starts_and_goes_on(rig: Rig) -> None:
    """kill -9 and a start, several times, with the broker away half of the time; nothing that was committed is lost."""
    rng = random.Random(9)
    service = rig.start()
    rig.wait("reading")
    for number in range(4):
        if number % 2:
            rig.wire.set("refuse")
            time.sleep(2.5 + rng.random())
        else:
            time.sleep(rng.random())
        service.signal(signal.SIGKILL)
        service.wait()
        rig.wire.set("pass")
        again = time.time()
        service.start()
        rig.online(after=again)
    rig.next("reading")
    rig.drained()
    ledger = rig.ledger()
    assert not ledger.complaints
    lost = [line for line in ledger.missing() if "backlog" not in line]
    assert not lost, lost  # within a session; what a killed session had in memory was its last and leaves no gap
    assert "deleted" not in rig.log()
    assert "Traceback" not in rig.log()


@alongside()
def test_the_whole_state_is_copied_at_random_and_the_service_starts_on_the_copy(rig: Rig) -> None:
    """Outbox, live changes and the privacy switch are each as they were before or after the change under way."""
    rng = random.Random(10)
    service = rig.start(privacy={"remote_off": True})
    rig.wait("reading")
    copies = []
    prefix = "emotion/shelf"
    for number in range(max(3, CUTS // 40)):
        rig.wire.set("refuse")
        time.sleep(2.0)
        rig.wire.set("pass")
        rig.observer.wait(f"{prefix}/availability", 60, lambda m: m.payload == b"online")
        for turn in range(6):
            rig.observer.send(f"{prefix}/config/decision.enter/set", ("0.5", "0.55")[turn % 2])
            if turn == 3:
                rig.observer.send(f"{prefix}/privacy/set", ("ON", "OFF")[number % 2])
        time.sleep(rng.uniform(0.0, 0.3))
        copy = rig.folder / f"copy-{number}"
        service.signal(signal.SIGSTOP)
        shutil.copytree(service.state, copy)
        service.signal(signal.SIGCONT)
        rig.observer.send(f"{prefix}/privacy/set", "OFF")
        copies.append(copy)
    service.stop(20)
    for copy in copies:
        folder = copy.with_suffix(".home")
        folder.mkdir()
        device = copy.name
        other = Service(folder, toml(
            device={"name": device}, camera={"source": "none"}, microphone={"source": str(rig.audio)},
            mqtt={"host": "127.0.0.1", "port": rig.broker.port}, privacy={"remote_off": True},
        ))  # fmt: skip
        shutil.copytree(copy, other.state)
        other.start()
        rig.on_close(other.stop)
        told = rig.observer.wait(f"emotion/{device}/config/decision.enter", 60)
        assert told.payload in (b"0.42", b"0.5", b"0.55")
        assert rig.observer.wait(f"emotion/{device}/privacy", 60).payload in (b"ON", b"OFF")
        rig.observer.wait(f"emotion/{device}/availability", 60, lambda m: m.payload == b"online")
        assert other.stop(20) == 0
        said = other.log.read_text()
        assert "deleted" not in said
        assert "damaged" not in said
        assert "Traceback" not in said
