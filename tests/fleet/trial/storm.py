"""Many devices return at once to one broker on one core: scripts/fleet-test --storm.

The broker is a mosquitto that may use one core. It ends in order and comes back with all that it had kept; then it ends
and comes back with nothing, so that every device has to tell everything again. Both times each device may connect once:
one that is not served in time, gives up and comes again makes a second storm. The outboxes are in memory, because a
thousand devices do not write on one disk. It goes on as soon as all are connected and the broker has time again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
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
from tests.fleet.trial.judge import SETTLED_S
from tests.fleet.trial.record import finished

AWAY_S = 5.0
EACH_S = 120.0  # for one return, at most; SETTLED_S is what must hold
QUIET = 0.5  # of its core: a broker that uses less is done with the storm
LOOK_S = 0.25
IN_ONE_PROCESS = 50  # with more, their threads would wait for each other and not for the broker


@dataclass
class Return:
    """One return of all devices."""

    name: str
    settled_s: float = -1.0  # until all were connected; -1: they never were
    busy_s: float = 0.0  # until the broker had time again


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # and nothing is left running
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
    parser.add_argument("--ramp", type=float, default=60.0, help="within which all start (default: %(default)s)")
    parser.add_argument(
        "--each", type=float, default=EACH_S, help="seconds for one return, at most (default: %(default)s)"
    )
    parser.add_argument("--record", type=Path, help="where to write the result")
    return parser.parse_args()


def _storm(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        broker = OneMosquitto(folder / "broker")
        stack.callback(broker.close)
        broker.start()
        _on_one_core(broker.pids())
        shares = [IN_ONE_PROCESS] * (given.devices // IN_ONE_PROCESS) + [given.devices % IN_ONE_PROCESS]
        began = time.monotonic()
        workers = [
            _worker(stack, folder, index, share, broker.ports[0], given.ramp)
            for index, share in enumerate(shares) if share
        ]  # fmt: skip
        _reach(folder, given.devices, given.ramp + 2 * given.each, "all devices are connected")
        _say(began, f"{given.devices} devices are connected")
        returns = []
        for name, end in (("kept", broker.kill_one), ("forgotten", lambda: _forget(broker, folder))):
            returns.append(_return(name, broker, end, given, folder))
            _say(began, f"{name}: all connected after {returns[-1].settled_s} s, busy for {returns[-1].busy_s} s")
        for process, _ in workers:
            process.terminate()
        for process, _ in workers:
            process.wait()
        results = [json.loads(path.read_text("utf-8")) for _, path in workers]
    return _record(given, results, returns, load)


def _return(
    name: str, broker: OneMosquitto, end: Callable[[], None], given: argparse.Namespace, folder: Path
) -> Return:
    end()
    _reach(folder, 0, given.each, "no device is connected")  # or they would be counted who have not noticed yet
    time.sleep(AWAY_S)
    broker.bring_back()
    _on_one_core(broker.pids())
    one = Return(name)
    began, looked, used = time.monotonic(), time.monotonic(), cpu_seconds(broker.pids())
    quiet = False
    while time.monotonic() - began < given.each and (one.settled_s < 0.0 or not quiet):
        time.sleep(LOOK_S)
        now = time.monotonic()
        if one.settled_s < 0.0 and _online(folder) == given.devices:
            one.settled_s = round(now - began, 1)
        if now - looked >= 1.0:
            spent = cpu_seconds(broker.pids()) - used
            quiet = spent < QUIET * (now - looked)
            if not quiet:
                one.busy_s = round(now - began, 1)
            looked, used = now, used + spent
    return one


def _reach(folder: Path, count: int, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while (now := _online(folder)) != count:
        if time.monotonic() > end:
            sys.exit(f"waited {seconds:.0f} s until {what}: {now} are")
        time.sleep(LOOK_S)


def _online(folder: Path) -> int:
    """How many are connected, as far as their processes have noticed."""
    return sum(int(path.read_text()) for path in folder.glob("*.online"))


def _forget(broker: OneMosquitto, folder: Path) -> None:
    broker.kill_one()
    (folder / "broker" / "mosquitto.db").unlink(missing_ok=True)


def _on_one_core(pids: Sequence[int]) -> None:
    for pid in pids:
        os.sched_setaffinity(pid, {min(os.sched_getaffinity(0))})


def _worker(  # noqa: PLR0917
    stack: ExitStack, folder: Path, index: int, share: int, port: int, ramp: float
) -> tuple[subprocess.Popen[bytes], Path]:
    spec = Spec(
        site=f"p{index}", base="emotion/acme/north/hall", hosts=(f"127.0.0.1:{port}",), first=index * 10_000,
        devices=share, seconds=3_600.0, ramp_s=ramp, drain_s=60.0, folder=str(folder / "devices"), seed=index,
        reading_hz=0.0, slower=6.0, look_s=0.5, online=str(folder / f"{index}.online"),
    )  # fmt: skip
    path, result = folder / f"{index}.spec", folder / f"{index}.result"
    path.write_bytes(msgspec.json.encode(spec))
    with (folder / f"{index}.log").open("ab") as log:
        process = subprocess.Popen(  # forty of them would leave the broker a twentieth of the core that it is to have
            ["nice", "-n", "10", sys.executable, "-m", "tests.fleet.trial.devices", str(path), str(result)],
            stdout=log,
            stderr=log,
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process, result


def _record(
    given: argparse.Namespace, results: Sequence[dict[str, Any]], returns: list[Return], load: float
) -> dict[str, Any]:
    devices = [device for result in results for device in result["devices"].values()]
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
