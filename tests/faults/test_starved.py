"""A quarter of the CPU, and no more memory: fewer frames, the same truth, no growth."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.alongside import alongside
from tests.faults.ledger import epoch
from tests.faults.rig import PREFIX, Rig

PERIOD_S = 0.1
SHARE = 0.25
HUNGRY = {"fps": 30.0}  # what the camera gives; every frame is searched, so that a whole core would be used


@contextmanager
def a_quarter(pid: int) -> Iterator[None]:
    """The process runs for a quarter of each tenth of a second, as under a CPU quota."""
    over = threading.Event()

    def ration() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait(PERIOD_S * (1 - SHARE))
            os.kill(pid, signal.SIGCONT)
            time.sleep(PERIOD_S * SHARE)

    thread = threading.Thread(target=ration, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        os.kill(pid, signal.SIGCONT)


def truth(rig: Rig, since: float, seconds: float) -> tuple[str, int, float]:
    """Over some seconds: what the face said most, how many were in view at most, and frames a second."""
    first = rig.next("health").json
    time.sleep(seconds)
    last = rig.next("health").json
    readings = [m.json for m in rig.observer.on("/reading") if m.at > since and m.json["face"]]
    assert readings, "no face is seen any more"
    labels = Counter(max(reading["face"]["probabilities"].items(), key=lambda pair: pair[1])[0] for reading in readings)
    fps = (last["frames"] - first["frames"]) / (last["uptime_s"] - first["uptime_s"])
    return labels.most_common(1)[0][0], max(reading["people"] for reading in readings), fps


@alongside()
def test_a_quarter_of_the_cpu(rig: Rig) -> None:
    service = rig.start(
        camera={"source": str(rig.video), **HUNGRY},
        face={"find_every": 1, "classify_hz": 30.0},
        limits={"max_cpu_percent": 400.0},
        log={"level": "info"},
    )
    rig.wait("reading", lambda m: m.json["face"])
    label, people, fps = truth(rig, time.time(), 4.0)
    before = rig.resident_mb()
    with a_quarter(service.pid):
        starved_label, starved_people, starved_fps = truth(rig, time.time(), 8.0)
        oldest = max(m.at - epoch(m.json["ts"]) for m in rig.observer.on("/reading")[-10:])
    assert (starved_label, starved_people) == (label, people)
    assert starved_fps < fps
    assert oldest < 5.0
    assert rig.resident_mb() - before < 6.0
    again = truth(rig, time.time() + 1.0, 4.0)
    assert again[:2] == (label, people)
    rig.ledger().check()
    assert service.stop() == 0


@alongside()
def test_no_more_memory(rig: Rig) -> None:
    """At the limit of its address space it goes on with less, or ends and is started anew; it never lies."""
    service = rig.start(camera={"source": str(rig.video)})
    rig.wait("reading", lambda m: m.json["face"])
    label, people, _ = truth(rig, time.time(), 3.0)
    size = int(Path(f"/proc/{service.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.prlimit(service.pid, resource.RLIMIT_AS)
    resource.prlimit(service.pid, resource.RLIMIT_AS, (size + 1_000_000, hard))
    for _ in range(40):  # each asks for memory that is not there
        rig.observer.send(f"{PREFIX}/request/config", b'"' + b"x" * 60_000 + b'"', qos=0)
        time.sleep(0.05)
    rig.wire.cut()  # a new link takes memory, too
    time.sleep(3.0)
    ended = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    if ended:
        assert service.wait(5) != 0  # so that systemd starts it anew
        again = time.time()
        service.start()
        rig.online(after=again)
    else:
        resource.prlimit(service.pid, resource.RLIMIT_AS, (hard, hard))
    rig.next("reading", lambda m: m.json["face"])
    assert truth(rig, time.time(), 3.0)[:2] == (label, people)
    rig.ledger().check()
