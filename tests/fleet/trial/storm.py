"""Many devices return at once to one broker on one core: scripts/fleet-test --storm.

The broker is a mosquitto that may use one core. It ends in order and comes back with all that it had kept; then it ends
and comes back with nothing, so that every device has to tell everything again. Both times each device may connect once:
one that is not served in time, gives up and comes again makes a second storm. The outboxes are in memory, because a
thousand devices do not write on one disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from tests.fleet.trial.brokers import OneMosquitto, cpu_seconds
from tests.fleet.trial.devices import Spec
from tests.fleet.trial.judge import SETTLED_S, settled
from tests.fleet.trial.record import finished

AWAY_S = 5.0
EACH_S = 120.0  # from one return to the next, and to the end
QUIET = 0.5  # of its core: a broker that uses less is done with the storm
IN_ONE_PROCESS = 50  # with more, their threads would wait for each other and not for the broker


@dataclass
class Return:
    """One return of all devices."""

    name: str
    at: float
    settled_s: float = -1.0  # until all were connected; -1: they never were
    busy_s: float = 0.0  # until the broker had time again


def main() -> int:
    arguments = _arguments()
    memory = Path("/dev/shm")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="emotion-storm-", dir=memory if memory.is_dir() else None))
    try:
        record = _storm(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return finished(record, arguments.record)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fleet-test --storm", description=__doc__)
    parser.add_argument("--devices", type=int, default=2_000)
    parser.add_argument("--ramp", type=float, default=90.0, help="within which all start (default: %(default)s)")
    parser.add_argument("--each", type=float, default=EACH_S, help="seconds for one return (default: %(default)s)")
    parser.add_argument("--record", type=Path, help="where to write the result")
    return parser.parse_args()


def _storm(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        broker = OneMosquitto(folder / "broker")
        stack.callback(broker.close)
        broker.start()
        _on_one_core(broker.pids())
        seconds = 30.0 + 2 * (AWAY_S + given.each)
        shares = [IN_ONE_PROCESS] * (given.devices // IN_ONE_PROCESS) + [given.devices % IN_ONE_PROCESS]
        workers = [
            _worker(stack, folder, index, share, broker.ports[0], given.ramp, seconds)
            for index, share in enumerate(shares) if share
        ]  # fmt: skip
        began = time.monotonic()
        time.sleep(given.ramp + 30.0)
        returns = []
        for name, end in (("kept", broker.kill_one), ("forgotten", lambda: _forget(broker, folder))):
            cpu = cpu_seconds(broker.pids())
            returns.append(_return(name, broker, end, given.each))
            _say(began, f"{name}: the broker was busy for {returns[-1].busy_s:.0f} s; it had used {cpu:.1f} s before")
        for process, _ in workers:
            process.wait()
        results = [json.loads(path.read_text("utf-8")) for _, path in workers]
    return _record(given, results, returns, load)


def _return(name: str, broker: OneMosquitto, end: Callable[[], None], each_s: float) -> Return:
    end()
    time.sleep(AWAY_S)
    broker.bring_back()
    _on_one_core(broker.pids())
    one = Return(name, time.time())
    began, used = time.monotonic(), 0.0
    while time.monotonic() - began < each_s:
        time.sleep(1.0)
        now = cpu_seconds(broker.pids())
        if now - used > QUIET:
            one.busy_s = round(time.monotonic() - began, 1)
        used = now
    return one


def _forget(broker: OneMosquitto, folder: Path) -> None:
    broker.kill_one()
    (folder / "broker" / "mosquitto.db").unlink(missing_ok=True)


def _on_one_core(pids: Sequence[int]) -> None:
    for pid in pids:
        os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))})


def _worker(  # noqa: PLR0917
    stack: ExitStack, folder: Path, index: int, share: int, port: int, ramp: float, seconds: float
) -> tuple[subprocess.Popen[bytes], Path]:
    spec = Spec(
        site=f"p{index}", base="emotion/acme/north/hall", hosts=(f"127.0.0.1:{port}",), first=index * 10_000,
        devices=share, seconds=seconds, ramp_s=ramp, drain_s=60.0, folder=str(folder / "devices"), seed=index,
        reading_hz=0.0, slower=6.0, look_s=0.5,
    )  # fmt: skip
    path, result = folder / f"{index}.spec", folder / f"{index}.result"
    path.write_bytes(msgspec.json.encode(spec))
    with (folder / f"{index}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.trial.devices", str(path), str(result)], stdout=log, stderr=log
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process, result


def _record(
    given: argparse.Namespace, results: Sequence[dict[str, Any]], returns: list[Return], load: float
) -> dict[str, Any]:
    devices = [device for result in results for device in result["devices"].values()]
    for one in returns:
        times = [settled(result["online"], len(result["devices"]), one.at) for result in results]
        one.settled_s = -1.0 if None in times else round(max(each or 0.0 for each in times), 1)
    more = sum(device["connections"] - 1 - len(returns) for device in devices)
    lost = sum(device["dropped"] + device["left"] for device in devices)
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "conditions": {
            "devices": len(devices), "ramp_s": given.ramp, "cores": os.cpu_count(), "load_before": round(load, 2),
            "machine": platform.machine(),
        },
        "result": {
            "returns": [{"name": each.name, "settled_s": each.settled_s, "busy_s": each.busy_s} for each in returns],
            "connects": more,
            "lost": lost,
            "devices_cpu_s": round(sum(result["cpu_s"] for result in results), 1),
            "wrong": wrong(returns, more, lost),
        },
    }  # fmt: skip


def wrong(returns: Sequence[Return], more: int, lost: int) -> list[str]:
    """What does not hold; empty when all is well."""
    found = [
        f"{each.name}: not settled within {SETTLED_S:.0f} s" for each in returns if not 0 <= each.settled_s <= SETTLED_S
    ]
    if more > 0:
        found.append(f"{more} connects more than there were reasons for")
    if lost:
        found.append(f"{lost} messages were given up or left over")
    return found


def _say(began: float, line: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
